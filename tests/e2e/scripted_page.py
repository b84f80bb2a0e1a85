"""A scripted api for the page, in a thread beside the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Self, TypeVar

from lab.scripted_api import ScriptedApi, ScriptedMarket

T = TypeVar("T")
SECONDS = 20


class ScriptedPage:
    """A ScriptedApi in a thread; `do` and `await_` run code there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.api = ScriptedApi()

    def __enter__(self) -> Self:
        self._thread.start()
        self.await_(self.api.start)
        return self

    def __exit__(self, *_: object) -> None:
        self.await_(self.api.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"{self.api.url}/"

    def reset(self) -> None:
        """Make the api one without markets that answers everything, for another test."""
        self.do(self.api.reset)
        if not self.api.is_started:
            self.await_(self.api.start)

    def do(self, action: Callable[[], T]) -> T:
        """Return the result of `action`, called in the api's thread."""

        async def call() -> T:
            return action()

        return self.await_(call)

    def await_(self, action: Callable[[], Awaitable[T]]) -> T:
        """Return the result of an asynchronous `action`."""

        async def call() -> T:
            return await action()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(SECONDS)

    def market(self, symbol: str, *, source: str = "simulated") -> ScriptedMarket:
        """Return a market with one level on each side."""
        bids, asks = [("100.0", "1.50000000")], [("100.1", "2.00000000")]
        return self.do(lambda: self.api.market(symbol, bids, asks, source=source))
