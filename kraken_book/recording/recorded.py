"""One event of a recording, with what the recorder knows besides."""

from __future__ import annotations

import msgspec

from kraken_book.event import Event, Snapshot, StatusChange, Update
from kraken_book.position import Position

__all__ = ["CONTINUED", "UNRECORDED", "RecordedEvent"]

CONTINUED = "continued"
"""The reason of a snapshot with which a file begins, so that it can be read without the one before.

It repeats the book after the last event of the earlier file, and is not an event of the stream.
"""
UNRECORDED = "unrecorded"
"""The reason of a `lagged` that the recorder adds where events are missing between two others."""


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and when it was recorded.

    Attributes:
        event: The event. If it was read from a file, `best_bid`, `best_ask` and `spread` are None,
            and `source` and `depth` of a snapshot are those of the file.
        recorded_at: When the recorder received it, in Unix microseconds.
        is_verified: Whether the event led to a verified book. It is false for statuses and
            `lagged`, and for an event that the recorder rejected.
        is_continued: Whether it is the snapshot with which a file continues an earlier one.
    """

    event: Event
    recorded_at: int
    is_verified: bool
    is_continued: bool = False

    def with_form(self, source: str, depth: int) -> RecordedEvent:
        """Return the same event; if it is a snapshot, with this source and depth."""
        if not isinstance(self.event, Snapshot):
            return self
        event = msgspec.structs.replace(self.event, source=source, depth=depth)
        return msgspec.structs.replace(self, event=event)

    def has_gap_before(self, last: Position | None) -> bool:
        """Return whether it is a snapshot that jumps over events, without saying over how many.

        Args:
            last: The position of the book's event before it; None if there is none.
        """
        event = self.event
        if last is None or not isinstance(event, Snapshot):
            return False
        return event.seq - last.seq - 1 > (event.conflated or 0)

    @property
    def symbol(self) -> str:
        """The symbol of the book."""
        return self.event.symbol

    @property
    def position(self) -> Position | None:
        """The event's position; None for `lagged` and the statuses of api and recorder."""
        event = self.event
        if isinstance(event, Update | Snapshot):
            return Position(event.epoch, event.seq)
        if isinstance(event, StatusChange) and event.epoch is not None and event.seq is not None:
            return Position(event.epoch, event.seq)
        return None
