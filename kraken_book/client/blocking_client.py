"""`Client`: books, symbols and past events of one api on kept connections, for blocking code."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from kraken_book.client.api_calls import ATTEMPTS, TIMEOUT, ApiCalls, Ask, Call, Pause
from kraken_book.client.arguments import Time
from kraken_book.client.best import BestPrices
from kraken_book.client.fetch import Answer, NoAnswer, fetch, one_request_timeout
from kraken_book.client.past_events import (
    MAX_LIMIT,
    PAGE_LIMIT,
    EventPage,
    PageRequest,
    Pages,
    PastEvent,
)
from kraken_book.frozen_book import FrozenBook

__all__ = ["Client"]

_T = TypeVar("_T")


class Client(ApiCalls):
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
        return self._run(self._book(symbol, only_live=only_live))

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
        names = self._run(self._names(symbols))
        books = (self.get_book(name, only_live=only_live) for name in names)
        return {book.symbol: book for book in books}

    def get_best(self, pair: str) -> BestPrices:
        """Return the best prices of a pair over all venues, and its book at each in short.

        Args:
            pair: The pair in any spelling, such as `BTC/USD`. Quotes are never mixed: `BTC/USDT` is
                another pair.
        """
        return self._run(self._best(pair))

    def get_symbols(self) -> list[str]:
        """Return the symbols that the api serves to this caller, sorted."""
        return self._run(self._symbols())

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
        return self._run(self._page(PageRequest.of(symbol, start, after, end, limit)))

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
            yield from pages.take(self._run(self._page(pages.request)))

    def _run(self, call: Call[_T]) -> _T:
        """Return the result of a call."""
        try:
            step = next(call)
            while True:
                try:
                    answer = self._do(step)
                except NoAnswer as failed:
                    step = call.throw(failed)
                else:
                    step = call.send(answer)
        except StopIteration as end:
            result: _T = end.value
            return result

    def _do(self, step: Ask | Pause) -> Answer | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        self._require_open()
        return fetch(self._http, self._address, step.path, self._seconds)
