"""Back-pressure: connections pause while Redis writes more slowly than their frames arrive.

Frames are processed faster than Redis writes their events. Three things give way, in this order:

1. The gathering of events: if a queue is half full, it is written at once.
2. The reading of the socket: a connection processes no more frames while the queue of one of its
   books is half full, and TCP slows down the venue. Frames are delayed, but none is lost.
3. The single updates: if a queue is full, one snapshot replaces the events that wait, and has
   their number as `conflated`.

A pause ends, and events are conflated if need be, when one of these is true:

- The frames may be `MAX_PAUSED_AGE` old. That is half of MAX_LAG, so no connection of a healthy
  feed ends as lagging because of Redis, and no frame is too old to verify its book.
- A pause does not help: Redis does not answer, or refuses the events of the full queue, or this
  collector does not lead.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

from collector.feed.lag import MAX_LAG, FeedLag
from collector.feed.link import Link
from collector.metrics import PAUSED_SECONDS
from runtime.limited_log import LineLimit
from runtime.logs import get_logger

log = get_logger(__name__)

# Seconds. No connection pauses if its frames may be older.
MAX_PAUSED_AGE = MAX_LAG / 2
# The interval at which a paused connection checks the bounds.
CHECK_INTERVAL = 0.05
# Frames that are processed without a check while the limit of the queues is unknown.
FRAMES_AT_ONCE = 256
# A log line is written after pauses of one second together, and at most once a minute.
LOGGED_SECONDS = 1.0
LINE_INTERVAL = 60.0


class Outlet(Protocol):
    """A writer that takes events from the queues of books."""

    def is_full(self, link: Link) -> bool:
        """Return whether a connection with this link should pause."""


class Room:
    """The room in the queues between connections and Redis.

    Args:
        clock: Returns steady nanoseconds.

    Attributes:
        frames_at_once: Number of frames that fit into any queue that is less than half full. The
            publisher keeps it up to date.
    """

    def __init__(self, clock: Callable[[], int] = monotonic_ns) -> None:
        self.frames_at_once = FRAMES_AT_ONCE
        self._clock = clock
        self._outlets: list[Outlet] = []
        # Set when events are taken from queues, and then replaced.
        self._taken = asyncio.Event()
        self._unlogged_seconds = 0.0
        self._lines = LineLimit(LINE_INTERVAL, clock=lambda: clock() / 1e9)

    def add(self, outlet: Outlet) -> None:
        """Include this writer."""
        self._outlets.append(outlet)

    def remove(self, outlet: Outlet) -> None:
        """Leave this writer out, because its node has gone."""
        self._outlets.remove(outlet)

    def on_taken(self) -> None:
        """Let paused connections check again, because events were taken from queues."""
        self._taken.set()
        self._taken = asyncio.Event()

    def is_full(self, link: Link) -> bool:
        """Return whether a connection with this link should pause."""
        return any(outlet.is_full(link) for outlet in self._outlets)

    async def wait(self, link: Link, lag: FeedLag) -> None:
        """Pause a connection while it should, within the bounds.

        Args:
            link: The connection's link, which is behind during the pause.
            lag: The age of the connection's frames.
        """
        if not self.is_full(link):
            return
        begun = self._clock()
        try:
            while lag.most_seconds(self._clock()) < MAX_PAUSED_AGE and self.is_full(link):
                link.is_behind = True
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_INTERVAL):
                        await self._taken.wait()
        finally:
            self._count((self._clock() - begun) / 1e9)

    def _count(self, seconds: float) -> None:
        PAUSED_SECONDS.inc(seconds)
        self._unlogged_seconds += seconds
        if self._unlogged_seconds >= LOGGED_SECONDS and self._lines.admits("paused"):
            log.warning(
                "feed paused, redis writes too slowly", seconds=round(self._unlogged_seconds, 1)
            )
            self._unlogged_seconds = 0.0
