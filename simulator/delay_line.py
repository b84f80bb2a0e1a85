"""A queue whose items come out a while after they went in, and never in another order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class DelayLine(Generic[T]):
    """Items on their way to `deliver`; to be used in a running loop."""

    def __init__(self, deliver: Callable[[T], None]) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[tuple[float, T]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def put(self, item: T, delay: float) -> None:
        """Deliver an item after `delay` seconds, and not before those that went in earlier."""
        self._under_way.append((self._loop.time() + delay, item))
        if self._timer is None:
            self._arm()

    def clear(self) -> None:
        """Deliver nothing of what is under way."""
        self._under_way.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = self._loop.call_at(self._under_way[0][0], self._release)

    def _release(self) -> None:
        self._timer = None
        # What is due within the clock's millisecond is due.
        now = self._loop.time() + 0.001
        while self._under_way and self._under_way[0][0] <= now:
            self._deliver(self._under_way.popleft()[1])
        if self._under_way and self._timer is None:
            self._arm()
