"""The last events of one symbol, framed as SSE once for all its readers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from msgspec.structs import replace

from api.follow.buffer import Buffer
from api.follow.event_log import MAX_EVENTS, WAKE_SECONDS, EventLog, SseEvent
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE, Position


class Ring(EventLog):
    """The events of one symbol after a start that never moves back; indexes only grow.

    Args:
        symbol: The symbol.
        buffer: The buffer of the process.
        capacity: How many events are kept at least, if the buffer allows.
        wake_seconds: How long wakers are called before other tasks run.
    """

    def __init__(
        self,
        symbol: str,
        buffer: Buffer | None = None,
        capacity: int = MAX_EVENTS,
        wake_seconds: float = WAKE_SECONDS,
    ) -> None:
        super().__init__(capacity, buffer, wake_seconds)
        self.symbol = symbol
        self.readers = 0
        self.stale = False
        """Whether readers have been told that the book is too old."""
        self.told_at = 0
        """The index of the newest event about that."""
        # Readers below this index fell off because of a restart.
        self._restarted_at = 0
        self._restarted_for: LaggedReason = "slow"
        self.confirmed = 0.0
        """When the book was last known to match Kraken, by the monotonic clock."""
        self.complete: int | None = None
        """Every event up to this millisecond of Redis's clock is here; None if not known."""
        self._before = SseEvent(NOWHERE, "0-0", b"")
        self._started = False

    @property
    def started(self) -> bool:
        """Return whether it is known after which event the ring begins."""
        return self._started

    @property
    def last(self) -> SseEvent:
        """Return the newest event, or the one before the first."""
        return self._events[-1] if self._events else self._before

    def start(self, position: Position, event_id: str) -> None:
        """Begin right after the event at `position`; only once between restarts."""
        assert not self._started, f"the ring of {self.symbol} is started already"
        self._before = SseEvent(position, event_id, b"")
        self._started = True

    def restart(self, reason: LaggedReason) -> None:
        """Forget everything, because Redis does not go on from here, for `reason`.

        Every reader falls off and opens again; the ring must be started again.
        """
        self._first = self._restarted_at = self.end + 1
        self._restarted_for = reason
        self._events.clear()
        self._forget_writes()
        self._share.clear()
        self._before = SseEvent(NOWHERE, "0-0", b"")
        self._started = self.stale = False
        self.confirmed = 0.0
        self.complete = None
        self.wake()

    def reason_to_fall(self, index: int) -> LaggedReason:
        """Return why the events from `index` on are gone."""
        return self._restarted_for if index < self._restarted_at else "slow"

    def tell_stale(self, sse: bytes, *, stale: bool) -> None:
        """Append for all readers that the book is too old, or is live again."""
        self.stale = stale
        self.told_at = self.end
        self.append(replace(self.last, sse=sse))
        self.wake()

    def index_after(self, position: Position) -> int | None:
        """Return the index of the first event after `position`.

        None if events between are gone, or if the ring has not reached `position` itself.
        """
        if not self._before.position <= position <= self.last.position:
            return None
        offset = bisect_left(self._events, position, key=lambda event: event.position)
        # Of the events at one position the first is the event; events of the api's own follow it.
        numbered = position != self._before.position and self._events[offset].position == position
        return self._first + offset + numbered

    def index_after_id(self, event_id: str) -> int | None:
        """Return the index right after the event with this id; None if it is not here."""
        if event_id == self._before.id:
            return self._first
        seq = int(event_id.partition("-")[2])
        # Of the events at one position the first is the event; events of the api's own follow it.
        offset = bisect_left(self._events, seq, key=lambda event: event.position.seq)
        if offset < len(self._events) and self._events[offset].id == event_id:
            return self._first + offset + 1
        return None

    def position_before(self, index: int) -> Position:
        """Return the position of the event before `index`, which the ring must still have."""
        offset = index - self._first - 1
        return self._events[offset].position if offset >= 0 else self._before.position

    def index_after_time(self, milliseconds: int) -> int | None:
        """Return the index of the first event later than that; None if earlier ones may be gone."""
        if not self._started or milliseconds_of(self._before.id) > milliseconds:
            return None
        found = bisect_right(
            self._events, milliseconds, key=lambda event: milliseconds_of(event.id)
        )
        return self._first + found

    def _on_gone(self, newest: SseEvent) -> None:
        self._before = newest


def milliseconds_of(event_id: str) -> int:
    """Return when an event was written, as its id says."""
    return int(event_id.partition("-")[0])
