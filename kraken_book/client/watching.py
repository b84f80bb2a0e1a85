"""`watch`: verified books from an api, as an iterator that reconnects automatically."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Self

from kraken_book.client.address import ApiAddress
from kraken_book.client.arguments import (
    checked_attempts,
    checked_limit,
    checked_seconds,
    requested_names,
)
from kraken_book.client.async_books import AsyncBooks
from kraken_book.client.blocking_books import BlockingBooks
from kraken_book.client.live_book import LiveBook
from kraken_book.client.patience import Patience
from kraken_book.client.session import ClientSession, StreamStart
from kraken_book.printable import printable

__all__ = ["Watch", "watch"]

MAX_SHOWN = 200
ANSWER_SECONDS = Patience().answer


def watch(
    url: str,
    *symbols: str | Iterable[str],
    key: str | None = None,
    timeout: float = ANSWER_SECONDS,
    attempts: int | None = None,
    give_up_after: float | None = None,
) -> Watch:
    """Return an iterable over the books of `symbols` as they change, from the api at `url`.

        async for book in watch("http://localhost:3000", "BTC/USD"):
            print(book.best_bid, book.best_ask, book.spread)

    Each event yields its book, which is verified or has a status other than `live`. Each book is
    one object, which changes in place. After a lost connection the iterator reconnects without
    limit, to any replica behind `url`, and resumes after the last event. A plain `for` without
    `async` does the same and blocks.

    Invalid arguments raise TypeError (`url`, `key` or a symbol is not a text) or Unusable, a
    ValueError: `url` is not the address of an api, `key` cannot be sent, no symbol is named, a
    number is impossible, or an environment variable, which the message names, is invalid.

    Iterating raises UnknownSymbol or another Refused if the api will never serve the request, and
    the last error after `attempts` or `give_up_after`.

    Args:
        url: The address of the api or of a load balancer, with a path prefix if there is one.
        symbols: Names in any spelling (`BTC/USD`, `btc-usd`), as arguments or in lists. `"*"` is
            every book, including books that appear later.
        key: Sent as a Bearer token.
        timeout: Seconds for each request until its stream opens.
        attempts: Requests in a row that open no stream, before the last error is raised; None is
            no limit.
        give_up_after: Seconds to try if nothing ever answers at `url`; None is no limit.
    """
    seconds = checked_seconds(timeout)
    patience = Patience(answer=seconds, connect=min(seconds, Patience().connect))
    return Watch(url, symbols, key, give_up_after, patience, attempts)


class Watch:
    """The endless iterable that `watch` returns, for `for` and `async for`.

    Each iteration opens its own connection. Leaving the loop closes it: immediately in a plain
    `for`, at the next turn of the event loop in an `async for`, and at the end of an `async with`.

    Args:
        url: As for `watch`.
        symbols: As for `watch`.
        key: As for `watch`.
        give_up_after: As for `watch`.
        patience: Time limits of connecting, answers and pauses.
        attempts: As for `watch`.
        start: Where an iteration continues an earlier one; None is at the current books.
        selects: Whether to process the book of a symbol; by default each of the stream.
    """

    def __init__(
        self,
        url: str,
        symbols: Iterable[str | Iterable[str]],
        key: str | None = None,
        give_up_after: float | None = None,
        patience: Patience | None = None,
        attempts: int | None = None,
        start: StreamStart | None = None,
        selects: Callable[[str], bool] | None = None,
    ) -> None:
        self._start, self._selects = start, selects
        self._address = ApiAddress(url, key)
        self._symbols = requested_names(symbols)
        self._give_up_after = checked_limit(give_up_after, "give_up_after")
        self._patience = patience or Patience()
        self._attempts = None if attempts is None else checked_attempts(attempts)
        self._session = self._new_session()
        self._iterator: weakref.ref[AsyncBooks] | None = None
        self._is_entered = False
        self._kept: AsyncBooks | None = None

    def __repr__(self) -> str:
        names = ", ".join(self._symbols)
        return printable(f"<Watch {names} at {self._address.shown}>", MAX_SHOWN)

    @property
    def books(self) -> Mapping[str, LiveBook]:
        """Every book that has arrived, by its symbol."""
        return self._session.books

    @property
    def outage(self) -> str | None:
        """Why there is no stream, None while there is one."""
        return self._session.outage

    @property
    def last_id(self) -> str | None:
        """The id after which a stream can resume, None if the next one needs snapshots."""
        return self._session.last_id

    def __aiter__(self) -> AsyncIterator[LiveBook]:
        self._session = self._new_session()
        books = AsyncBooks(self._session, self._address, self._patience)
        self._iterator = weakref.ref(books)
        # Within `async with`, keep the connection until the end of the block.
        self._kept = books if self._is_entered else None
        return books

    def __iter__(self) -> Iterator[LiveBook]:
        self._session = self._new_session()
        return BlockingBooks(self._session, self._address, self._patience)

    async def __aenter__(self) -> Self:
        self._is_entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        books = self._iterator() if self._iterator is not None else None
        self._is_entered, self._kept = False, None
        if books is not None:
            await books.aclose()

    def _new_session(self) -> ClientSession:
        return ClientSession(
            self._symbols,
            self._address.server,
            self._patience,
            self._give_up_after,
            attempts=self._attempts,
            start=self._start,
            selects=self._selects,
        )
