"""How long to let events gather before a flush, while more comes than can be done.

A call to Redis costs ten times what an event in it does. Where the feed is kept up with, a flush
goes out at once, and carries what came during the one before. Where it is not, what does not wait
here waits in the sockets: so for up to half a second more is let gather for each call.
"""

from __future__ import annotations

from time import monotonic

# With so many events, what is the call's own is a small part of its cost.
ENOUGH_EVENTS = 8
# From one flush to the next at most; little beside what a feed that is behind has waited already.
MOST_SECONDS = 0.5


class Pace:
    """When the next flush is to begin; it is told of each."""

    def __init__(self) -> None:
        self._begun_at = self._next_at = 0.0
        self._events = self._calls = 0

    def begin(self) -> None:
        """A flush begins now."""
        self._begun_at = monotonic()
        self._events = self._calls = 0

    def sent(self, events: int, calls: int) -> None:
        """So many events went out in it, in so many calls; it may be told in parts."""
        self._events += events
        self._calls += calls

    def end(self) -> None:
        """The flush has ended: the next is for when enough has gathered, as fast as it did now."""
        took = monotonic() - self._begun_at
        until_enough = took * ENOUGH_EVENTS * self._calls / max(1, self._events)
        self._next_at = self._begun_at + min(until_enough, MOST_SECONDS)

    @property
    def rest(self) -> float:
        """The seconds from now until the next flush is to begin."""
        return max(0.0, self._next_at - monotonic())
