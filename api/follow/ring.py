"""Keep the last events of one symbol, rendered as SSE once for all its readers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from msgspec.structs import replace

from api.follow.buffer import Buffer
from api.follow.event_log import MAX_EVENTS, WAKE_SECONDS, EventLog, SseEvent
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE, Position


class Ring(EventLog):
    """The last events of one symbol, without a gap.

    A ring is started at a position, and may be restarted if events are missing in Redis.

    Args:
        symbol: The symbol.
        buffer: The buffer of the process.
        capacity: The least number of events that are kept, if the buffer allows.
        wake_seconds: Seconds for which wakers are called before other tasks run.
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
        self.is_stale = False
        """Whether the last status that the api appended is `stale`."""
        self.stale_index = 0
        """The index of the last `stale` or `live` status that the api appended."""
        # A restart made readers below this index miss events.
        self._restarted_at = 0
        self._restarted_for: LaggedReason = "slow"
        self.confirmed = 0.0
        """Time of the book's last confirmation, by the monotonic clock; 0.0 if unknown."""
        self.complete: int | None = None
        """The ring has every event up to this millisecond of Redis's clock; None if unknown."""
        self._before = SseEvent(NOWHERE, "0-0", b"")
        self._started = False

    @property
    def is_started(self) -> bool:
        """Return whether the ring has a start position, so that events can be appended."""
        return self._started

    @property
    def last(self) -> SseEvent:
        """Return the newest event, or the one before the first."""
        return self._events[-1] if self._events else self._before

    def start(self, position: Position, event_id: str) -> None:
        """Begin right after the event at `position`; call this once between restarts."""
        assert not self._started, f"the ring of {self.symbol} is started already"
        self._before = SseEvent(position, event_id, b"")
        self._started = True

    def restart(self, reason: LaggedReason) -> None:
        """Drop all events, because the stream does not continue after the last one.

        Every reader gets `lagged` for `reason` and opens again. The ring must be started again.
        """
        self._first = self._restarted_at = self.end + 1
        self._restarted_for = reason
        self._events.clear()
        self._forget_writes()
        self._share.clear()
        self._before = SseEvent(NOWHERE, "0-0", b"")
        self._started = False
        # `is_stale` stays: readers that were told so must be told when the book is live again.
        self.confirmed = 0.0
        self.complete = None
        self.wake()

    def lagged_reason(self, index: int) -> LaggedReason:
        """Return why the events from `index` on are gone."""
        return self._restarted_for if index < self._restarted_at else "slow"

    def set_stale(self, sse: bytes, *, stale: bool) -> None:
        """Append the status `sse` for all readers: the book is stale, or live again."""
        self.is_stale = stale
        self.stale_index = self.end
        self.append(replace(self.last, sse=sse))
        self.wake()

    def index_after(self, position: Position) -> int | None:
        """Return the index of the first event after `position`.

        None is returned if events after `position` are gone, or if the ring has not reached it.
        """
        if not self._before.position <= position <= self.last.position:
            return None
        offset = bisect_left(self._events, position, key=lambda event: event.position)
        # Unnumbered events follow the numbered event at their position.
        numbered = position != self._before.position and self._events[offset].position == position
        return self._first + offset + numbered

    def index_after_id(self, event_id: str) -> int | None:
        """Return the index right after the event with this id; None if the ring lacks it."""
        if event_id == self._before.id:
            return self._first
        seq = int(event_id.partition("-")[2])
        # Unnumbered events follow the numbered event at their position.
        offset = bisect_left(self._events, seq, key=lambda event: event.position.seq)
        if offset < len(self._events) and self._events[offset].id == event_id:
            return self._first + offset + 1
        return None

    def position_before(self, index: int) -> Position:
        """Return the position of the event before `index`; the ring must still have the event."""
        offset = index - self._first - 1
        return self._events[offset].position if offset >= 0 else self._before.position

    def index_after_time(self, milliseconds: int) -> int | None:
        """Return the index of the first event later than a time, None if events may be gone."""
        if not self._started or milliseconds_of(self._before.id) > milliseconds:
            return None
        found = bisect_right(
            self._events, milliseconds, key=lambda event: milliseconds_of(event.id)
        )
        return self._first + found

    def _on_gone(self, newest: SseEvent) -> None:
        self._before = newest


def milliseconds_of(event_id: str) -> int:
    """Return the time at which an event was written: the milliseconds of its id."""
    return int(event_id.partition("-")[0])
