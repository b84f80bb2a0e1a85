"""`Client` and `AsyncClient`: books, symbols and past events of one api on kept connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.client.arguments import (
    Time,
    checked_attempts,
    checked_seconds,
    requested_names,
    wildcards_in,
)
from kraken_book.client.attempts import Attempts
from kraken_book.client.best import BestPrices, best_path, read_best
from kraken_book.client.depth import depth_path, read_book
from kraken_book.client.fetch import Answer, NoAnswer, fetch, fetch_async, one_request_timeout
from kraken_book.client.past_events import (
    MAX_LIMIT,
    PAGE_LIMIT,
    EventPage,
    PageRequest,
    Pages,
    PastEvent,
)
from kraken_book.client.watching import Watch, watch
from kraken_book.errors import KrakenBookError
from kraken_book.frozen_book import FrozenBook
from kraken_book.selection import is_wildcard
from kraken_book.symbols import normalize_symbol

__all__ = ["ATTEMPTS", "TIMEOUT", "AsyncClient", "Client"]

TIMEOUT = 10.0
ATTEMPTS = 3
# Of `AsyncClient.get_books`: enough to hide the network's delay, few enough to be polite.
REQUESTS_AT_ONCE = 8
SYMBOLS_PATH = "/symbols"

_T = TypeVar("_T")
_Read = Callable[[Answer], _T]
_symbols: msgspec.json.Decoder[list[str]] = msgspec.json.Decoder(list[str])


def _expanded(names: Sequence[str], symbols: Sequence[str]) -> tuple[str, ...]:
    """Return the names, then the symbols that the wildcards among them select."""
    wildcards = wildcards_in(names)
    assert wildcards is not None, "there is no wildcard"
    named = [name for name in names if not is_wildcard(name)]
    excludes = wildcards._replace(names=(), patterns=wildcards.unwanted, unwanted=())
    kept = [name for name in named if not excludes.selects(normalize_symbol(name))]
    return tuple(dict.fromkeys((*kept, *wildcards.among(symbols))))


class _Requests:
    """What both clients share: the address, its key, and the limits of a request."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._url, self._key = url, key
        self._address = ApiAddress(url, key)
        self._is_closed = False
        self._seconds = checked_seconds(timeout)
        self._attempts = checked_attempts(attempts)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._address.shown}>"

    def watch(self, *symbols: str | Iterable[str], give_up_after: float | None = None) -> Watch:
        """Return an iterable over the books of `symbols` as they change, as `kraken_book.watch`.

        It has this client's key and timeout, a connection of its own, and reconnects without limit.

        Args:
            symbols: As for `kraken_book.watch`.
            give_up_after: As for `kraken_book.watch`.
        """
        return watch(
            self._url, *symbols, key=self._key, timeout=self._seconds, give_up_after=give_up_after
        )

    def _require_open(self) -> None:
        if self._is_closed:
            name = type(self).__name__
            raise RuntimeError(
                f"this {name} is closed: make another {name}, or call it within its `with` block"
            )

    def _new_attempts(self) -> Attempts:
        return Attempts(self._attempts, max_pause=self._seconds)

    def _read_book(self, name: str, *, only_live: bool) -> _Read[FrozenBook]:
        return lambda answer: read_book(answer, self._address, name, only_live=only_live)

    def _read_best(self, name: str) -> _Read[BestPrices]:
        return lambda answer: read_best(answer, self._address, name)

    def _read_page(self, request: PageRequest) -> _Read[EventPage]:
        return lambda answer: request.read_page(answer, self._address)

    def _read_symbols(self, answer: Answer) -> list[str]:
        try:
            if answer.status == 200:
                return _symbols.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        raise answer.error(self._address)


class Client(_Requests):
    """A blocking client of one api, which keeps its connections until `close`.

        with Client("http://localhost:3000") as client:
            print(client.get_book("BTC/USD").mid)

    Use one client per thread. In a coroutine, use `AsyncClient`: a blocking call stops the event
    loop until its answer.

    Args:
        url: The address of the api, with a path prefix if there is one.
        key: Sent as a Bearer token.
        timeout: Seconds for each request, from connecting to the last byte of its answer. No pause
            between two attempts is longer.
        attempts: Requests for one answer at most. Connections that fail, answers 429 and 5xx, books
            that are not live or cannot be verified are tried again, after the pause that the api
            asks for, or 0.25 to 4 s.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> None:
        super().__init__(url, key=key, timeout=timeout, attempts=attempts)
        self._http = self._address.client(one_request_timeout(self._seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. Further calls raise RuntimeError; closing again does nothing."""
        self._is_closed = True
        self._http.close()

    def get_book(self, symbol: str, *, only_live: bool = True) -> FrozenBook:
        """Return the current book of a symbol, verified by its checksum.

        Args:
            symbol: The symbol in any spelling.
            only_live: Whether to raise NotLive if the book is not known to match the venue's now.
                Otherwise the last known book is returned with its status; NotLive is raised only
                if there is none.
        """
        (name,) = requested_names((symbol,), most=1)
        return self._get(depth_path(name), self._read_book(name, only_live=only_live))

    def get_books(
        self, *symbols: str | Iterable[str], only_live: bool = True
    ) -> dict[str, FrozenBook]:
        """Return the current books of symbols, one request after the other.

        Args:
            symbols: Names as arguments or in lists; wildcards such as `"binance:*"` and exclusions
                select from `get_symbols`, and `"*"` is all of it.
            only_live: As for `get_book`. One book that is not live ends the call.

        Returns:
            The books by symbol in the api's spelling, in the order of the arguments.
        """
        names = requested_names(symbols)
        if any(map(is_wildcard, names)):
            names = _expanded(names, self.get_symbols())
        books = (self.get_book(name, only_live=only_live) for name in names)
        return {book.symbol: book for book in books}

    def get_best(self, pair: str) -> BestPrices:
        """Return the best prices of a pair over all venues, and its book at each in short.

        Args:
            pair: The pair in any spelling, such as `BTC/USD`. Quotes are never mixed: `BTC/USDT` is
                another pair.
        """
        (name,) = requested_names((pair,), most=1)
        return self._get(best_path(name), self._read_best(name))

    def get_symbols(self) -> list[str]:
        """Return the symbols that the api serves to this caller, sorted."""
        return self._get(SYMBOLS_PATH, self._read_symbols)

    def get_events(
        self,
        symbol: str,
        *,
        start: Time | None = None,
        after: str | None = None,
        end: Time | None = None,
        limit: int = PAGE_LIMIT,
    ) -> EventPage:
        """Return one page of the events of a book that its stream still holds, oldest first.

        Args:
            symbol: The symbol in any spelling.
            start: The first event: its id, or a time, which is a datetime with a time zone or a
                text of RFC 3339. None is the oldest event.
            after: The id of the event before the first one, as in `EventPage.next`. It excludes
                `start`.
            end: The last event, in the forms of `start`. It is included; a time includes its whole
                millisecond. None is the newest event.
            limit: The number of events at most, from 1 to 1,000.
        """
        return self._get_page(PageRequest.of(symbol, start, after, end, limit))

    def iter_events(
        self,
        symbol: str,
        *,
        start: Time | None = None,
        after: str | None = None,
        end: Time | None = None,
        limit: int = MAX_LIMIT,
    ) -> Iterator[PastEvent]:
        """Return an iterator over the events of a book that its stream still holds, oldest first.

        It gets page after page. Without `end` it ends with the newest event of the time of the
        first page, although new events come. Where events may be gone, it yields a `Lagged`.

        Args:
            symbol: As for `get_events`.
            start: As for `get_events`.
            after: As for `get_events`.
            end: As for `get_events`.
            limit: The number of events of each page at most, from 1 to 1,000.
        """
        return self._events(Pages(PageRequest.of(symbol, start, after, end, limit)))

    def _events(self, pages: Pages) -> Iterator[PastEvent]:
        while pages.request is not None:
            yield from pages.take(self._get_page(pages.request))

    def _get_page(self, request: PageRequest) -> EventPage:
        return self._get(request.path, self._read_page(request))

    def _get(self, path: str, read: _Read[_T]) -> _T:
        attempts = self._new_attempts()
        while True:
            try:
                return read(self._ask(path))
            except KrakenBookError as error:
                pause = attempts.pause_after(error)
            time.sleep(pause)

    def _ask(self, path: str) -> Answer:
        self._require_open()
        try:
            return fetch(self._http, self._address, path, self._seconds)
        except NoAnswer as failed:
            error = failed.error(self._address)
            raise error from failed


class AsyncClient(_Requests):
    """A client of one api for asyncio, which keeps its connections until `aclose`.

    Use one client per event loop: each `asyncio.run` has its own.

        async with AsyncClient("http://localhost:3000") as client:
            print((await client.get_book("BTC/USD")).mid)

    Args:
        url: As for `Client`.
        key: As for `Client`.
        timeout: As for `Client`.
        attempts: As for `Client`.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
    ) -> None:
        super().__init__(url, key=key, timeout=timeout, attempts=attempts)
        self._http = self._address.async_client(one_request_timeout(self._seconds))
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. Further calls raise RuntimeError; closing again does nothing."""
        self._is_closed = True
        await self._http.aclose()

    async def get_book(self, symbol: str, *, only_live: bool = True) -> FrozenBook:
        """Return the current book of a symbol, as `Client.get_book`.

        Args:
            symbol: As for `Client.get_book`.
            only_live: As for `Client.get_book`.
        """
        (name,) = requested_names((symbol,), most=1)
        return await self._get(depth_path(name), self._read_book(name, only_live=only_live))

    async def get_books(
        self, *symbols: str | Iterable[str], only_live: bool = True
    ) -> dict[str, FrozenBook]:
        """Return the current books of symbols, as `Client.get_books`, with 8 requests at a time.

        Args:
            symbols: As for `Client.get_books`.
            only_live: As for `Client.get_books`.

        Returns:
            As for `Client.get_books`.
        """
        names = requested_names(symbols)
        if any(map(is_wildcard, names)):
            names = _expanded(names, await self.get_symbols())
        turns = asyncio.Semaphore(REQUESTS_AT_ONCE)

        async def get(name: str) -> FrozenBook:
            async with turns:
                return await self.get_book(name, only_live=only_live)

        tasks = [asyncio.create_task(get(name)) for name in names]
        try:
            books = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return {book.symbol: book for book in books}

    async def get_best(self, pair: str) -> BestPrices:
        """Return the best prices of a pair over all venues, as `Client.get_best`.

        Args:
            pair: As for `Client.get_best`.
        """
        (name,) = requested_names((pair,), most=1)
        return await self._get(best_path(name), self._read_best(name))

    async def get_symbols(self) -> list[str]:
        """Return the symbols that the api serves to this caller, sorted."""
        return await self._get(SYMBOLS_PATH, self._read_symbols)

    async def get_events(
        self,
        symbol: str,
        *,
        start: Time | None = None,
        after: str | None = None,
        end: Time | None = None,
        limit: int = PAGE_LIMIT,
    ) -> EventPage:
        """Return one page of the past events of a book, as `Client.get_events`.

        Args:
            symbol: As for `Client.get_events`.
            start: As for `Client.get_events`.
            after: As for `Client.get_events`.
            end: As for `Client.get_events`.
            limit: As for `Client.get_events`.
        """
        return await self._get_page(PageRequest.of(symbol, start, after, end, limit))

    def iter_events(
        self,
        symbol: str,
        *,
        start: Time | None = None,
        after: str | None = None,
        end: Time | None = None,
        limit: int = MAX_LIMIT,
    ) -> AsyncIterator[PastEvent]:
        """Return an iterator over the past events of a book, as `Client.iter_events`.

        It is for `async for`, and is not awaited.

        Args:
            symbol: As for `Client.get_events`.
            start: As for `Client.get_events`.
            after: As for `Client.get_events`.
            end: As for `Client.get_events`.
            limit: As for `Client.iter_events`.
        """
        return self._events(Pages(PageRequest.of(symbol, start, after, end, limit)))

    async def _events(self, pages: Pages) -> AsyncIterator[PastEvent]:
        while pages.request is not None:
            for past in pages.take(await self._get_page(pages.request)):
                yield past

    async def _get_page(self, request: PageRequest) -> EventPage:
        return await self._get(request.path, self._read_page(request))

    def _require_loop(self) -> None:
        """Raise RuntimeError in another event loop than that of the first request."""
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise RuntimeError(
                "this AsyncClient has connections of another event loop: make one AsyncClient for"
                " each asyncio.run, or put all calls into one coroutine"
            )

    async def _get(self, path: str, read: _Read[_T]) -> _T:
        attempts = self._new_attempts()
        while True:
            try:
                return read(await self._ask(path))
            except KrakenBookError as error:
                pause = attempts.pause_after(error)
            await asyncio.sleep(pause)

    async def _ask(self, path: str) -> Answer:
        self._require_open()
        self._require_loop()
        try:
            return await fetch_async(self._http, self._address, path, self._seconds)
        except NoAnswer as failed:
            error = failed.error(self._address)
            raise error from failed
