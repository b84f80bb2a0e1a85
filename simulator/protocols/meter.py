"""Limits of events per time, such as of messages per second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple


class EventLimit(NamedTuple):
    """A number of events in a number of seconds."""

    events: int
    seconds: float


class EventMeter:
    """Counts events against a limit.

    Args:
        limit: The limit.
        clock: Returns monotonic seconds.

    """

    def __init__(self, limit: EventLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._times: deque[float] = deque()

    def admits(self) -> bool:
        """Count an event; return whether it is within the limit."""
        now = self._clock()
        while self._times and self._times[0] <= now - self._limit.seconds:
            self._times.popleft()
        if len(self._times) >= self._limit.events:
            return False
        self._times.append(now)
        return True
