"""The delay before a flush while the feed is behind.

While the collector keeps up with the feed, a flush begins at once, with the events that arrived
during the previous one. While it does not, each flush waits until its calls have enough events,
because each call has a fixed cost. Without this delay the events would not be sent earlier: they
would wait in the sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from collector.publish.tuning import Tuning


class FlushPacer:
    """Computes the time of the next flush from the last one.

    Args:
        tuning: The number of events that is enough for a call, and the longest delay.
        clock: Returns steady seconds.
    """

    def __init__(self, tuning: Tuning, clock: Callable[[], float] = monotonic) -> None:
        self._tuning = tuning
        self._clock = clock
        self._begun_at = self._next_at = 0.0
        self._events = self._calls = 0

    def begin(self) -> None:
        """Record the start of a flush."""
        self._begun_at = self._clock()
        self._events = self._calls = 0

    def add(self, events: int, calls: int) -> None:
        """Count events of this flush, and their calls."""
        self._events += events
        self._calls += calls

    def end(self) -> None:
        """Record the end of the flush, and compute the time of the next one.

        The next flush is due when as many calls as in this one would have enough events each, if
        events arrive at the rate of this flush.
        """
        took = self._clock() - self._begun_at
        until_enough = took * self._tuning.enough_events * self._calls / max(1, self._events)
        self._next_at = self._begun_at + min(until_enough, self._tuning.max_flush_interval)

    @property
    def rest(self) -> float:
        """Seconds until the next flush is due."""
        return max(0.0, self._next_at - self._clock())
