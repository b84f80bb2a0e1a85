"""`AsyncClient`: books, symbols and past events of one api on kept connections, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Self, TypeVar

from kraken_book.client.api_calls import ATTEMPTS, TIMEOUT, ApiCalls, Ask, Call, Pause
from kraken_book.client.arguments import Time
from kraken_book.client.best import BestPrices
from kraken_book.client.fetch import Answer, NoAnswer, fetch_async, one_request_timeout
from kraken_book.client.past_events import (
    MAX_LIMIT,
    PAGE_LIMIT,
    EventPage,
    PageRequest,
    Pages,
    PastEvent,
)
from kraken_book.frozen_book import FrozenBook

__all__ = ["AsyncClient"]

# Of `AsyncClient.get_books`: enough to hide the network's delay, few enough to be polite.
REQUESTS_AT_ONCE = 8

_T = TypeVar("_T")


class AsyncClient(ApiCalls):
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
        return await self._run(self._book(symbol, only_live=only_live))

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
        names = await self._run(self._names(symbols))
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
        return await self._run(self._best(pair))

    async def get_symbols(self) -> list[str]:
        """Return the symbols that the api serves to this caller, sorted."""
        return await self._run(self._symbols())

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
        return await self._run(self._page(PageRequest.of(symbol, start, after, end, limit)))

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
            for past in pages.take(await self._run(self._page(pages.request))):
                yield past

    def _require_loop(self) -> None:
        """Raise RuntimeError in another event loop than that of the first request."""
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise RuntimeError(
                "this AsyncClient has connections of another event loop: make one AsyncClient for"
                " each asyncio.run, or put all calls into one coroutine"
            )

    async def _run(self, call: Call[_T]) -> _T:
        """Return the result of a call, as `Client`."""
        try:
            step = next(call)
            while True:
                try:
                    answer = await self._do(step)
                except NoAnswer as failed:
                    step = call.throw(failed)
                else:
                    step = call.send(answer)
        except StopIteration as end:
            result: _T = end.value
            return result

    async def _do(self, step: Ask | Pause) -> Answer | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        self._require_open()
        self._require_loop()
        return await fetch_async(self._http, self._address, step.path, self._seconds)
