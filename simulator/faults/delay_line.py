"""A queue that delivers each item after a delay, in the order of arrival."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class DelayLine(Generic[T]):
    """The delayed items for a `deliver` callback; requires a running event loop."""

    def __init__(self, deliver: Callable[[T], None]) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._items: deque[tuple[float, T]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return bool(self._items)

    def put(self, item: T, delay: float) -> None:
        """Deliver an item after `delay` seconds, but not before the items ahead of it."""
        self._items.append((self._loop.time() + delay, item))
        if self._timer is None:
            self._arm()

    def clear(self) -> None:
        """Drop all items."""
        self._items.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = self._loop.call_at(self._items[0][0], self._release)

    def _release(self) -> None:
        self._timer = None
        # The loop's clock has a resolution of a millisecond.
        now = self._loop.time() + 0.001
        while self._items and self._items[0][0] <= now:
            self._deliver(self._items.popleft()[1])
        if self._items and self._timer is None:
            self._arm()
