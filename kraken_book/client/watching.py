"""`watch`: verified books from an api, as an iterator that comes back by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from kraken_book.client.address import http_options
from kraken_book.client.live_book import LiveBook
from kraken_book.client.session import BrokenStream, Session

# An api says something every 15 s; one that does not is not there, whatever TCP thinks.
SILENCE_SECONDS = 20.0
CONNECT_SECONDS = 5.0


def watch(url: str, *symbols: str, key: str | None = None) -> Watch:
    """The books of `symbols` as they change, from the api (or load balancer) at `url`.

        async for book in watch("http://localhost:3000", "BTC/USD"):
            print(book.best_bid, book.best_ask, book.spread)

    Symbols are as people write them (`BTC/USD`, `btc-usd`); `"*"` is every book, also those that
    come later. `key` is sent as a Bearer token. Each event gives its book, verified, or with the
    status that says why it is not to be trusted; each book is one object, changed in place. A lost
    connection is made again for ever, on whichever replica answers, and goes on where it stopped.
    Without `async`, a plain `for` does the same and blocks.

    Raises ValueError where `url` is none or no symbol is named; iterating raises UnknownSymbol or
    another Refused where the api will never serve this.
    """
    return Watch(url, symbols, key)


class Watch:
    """An endless iterable, async or not, over changed books; what `watch` returns.

    Iterating twice begins twice. Where the loop is left, so is the connection: at once in a plain
    `for`; as soon as the event loop runs on in an `async for`, or when the `async with` ends.
    """

    def __init__(self, url: str, symbols: tuple[str, ...], key: str | None = None) -> None:
        timeout = httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)
        self._options = http_options(url, key, timeout)
        if not symbols or not all(symbols):
            raise ValueError("name at least one symbol such as BTC/USD, or '*' for all")
        self._symbols = symbols
        self._session = Session(symbols)
        self._iterator: AsyncGenerator[LiveBook] | None = None

    @property
    def books(self) -> Mapping[str, LiveBook]:
        """Every book that has come, by its symbol."""
        return self._session.books

    @property
    def outage(self) -> str | None:
        """Why there is no connection, None while there is one."""
        return self._session.outage

    def __aiter__(self) -> AsyncIterator[LiveBook]:
        self._session = Session(self._symbols)
        self._iterator = _follow(self._session, self._options)
        return self._iterator

    def __iter__(self) -> Iterator[LiveBook]:
        self._session = Session(self._symbols)
        return _follow_blocking(self._session, self._options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._iterator is not None:
            await self._iterator.aclose()


# These two know no Watch: with a cycle of references, one that is dropped would stay connected
# until the garbage is collected.
async def _follow(session: Session, options: dict[str, Any]) -> AsyncGenerator[LiveBook]:
    async with httpx.AsyncClient(**options) as client:
        while True:
            why = None
            try:
                async with client.stream("GET", session.target, headers=session.headers) as answer:
                    for book in session.answered(answer.status_code, answer.headers):
                        yield book
                    async for chunk in answer.aiter_raw():
                        for book in session.receive(chunk):
                            yield book
                        if session.is_over:
                            break
            except (httpx.RequestError, BrokenStream) as error:
                why = _reason(error)
            for book in session.end(why):
                yield book
            await asyncio.sleep(session.pause())


# The same without `await`; httpx, too, has a client of each kind.
def _follow_blocking(session: Session, options: dict[str, Any]) -> Generator[LiveBook]:
    with httpx.Client(**options) as client:
        while True:
            why = None
            try:
                with client.stream("GET", session.target, headers=session.headers) as answer:
                    yield from session.answered(answer.status_code, answer.headers)
                    for chunk in answer.iter_raw():
                        yield from session.receive(chunk)
                        if session.is_over:
                            break
            except (httpx.RequestError, BrokenStream) as error:
                why = _reason(error)
            yield from session.end(why)
            time.sleep(session.pause())


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
