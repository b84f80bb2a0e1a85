"""How long events gather before a flush while the feed is behind.

A call to Redis costs ten times as much as one event in it. While the collector keeps up with the
feed, a flush begins at once and carries what came during the one before. While it does not, events
that do not wait here wait in the sockets, so up to half a second of them is gathered for each call.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from collector.publish.tuning import Tuning


class FlushPacer:
    """When the next flush is to begin, from how the last one went.

    Args:
        tuning: How many events are enough for a call, and how long they may gather.
        clock: A steady clock in seconds.
    """

    def __init__(self, tuning: Tuning, clock: Callable[[], float] = monotonic) -> None:
        self._tuning = tuning
        self._clock = clock
        self._begun_at = self._next_at = 0.0
        self._events = self._calls = 0

    def begin(self) -> None:
        """Note that a flush begins."""
        self._begun_at = self._clock()
        self._events = self._calls = 0

    def add(self, events: int, calls: int) -> None:
        """Count events that go out in this flush, and their calls."""
        self._events += events
        self._calls += calls

    def end(self) -> None:
        """Note that the flush has ended; the next is due when enough events have gathered.

        They are taken to come as fast as during this flush.
        """
        took = self._clock() - self._begun_at
        until_enough = took * self._tuning.enough_events * self._calls / max(1, self._events)
        self._next_at = self._begun_at + min(until_enough, self._tuning.max_flush_interval)

    @property
    def rest(self) -> float:
        """Seconds from now until the next flush is due."""
        return max(0.0, self._next_at - self._clock())
