"""The interface between a cursor and its log: open, resume, and page up to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple, Protocol

from api.follow.event_log import WRITE_BYTES
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE, Position


class CursorState(Enum):
    """State of a cursor, by its next action."""

    OPENING = "opening"
    """Send what the log is opened with."""
    WAITING = "waiting"
    """Open as soon as that is possible: there is no book yet, or no room for the opening."""
    PAGING = "paging"
    """Send the events between the resume point and the log."""
    FOLLOWING = "following"
    """Send what the log has."""
    CLOSED = "closed"
    """Send nothing."""


class Step(NamedTuple):
    """Data that an opener has for a cursor to send, and the cursor's state after that."""

    state: CursorState
    data: bytes = b""
    """Sent at once."""
    events: int = 0
    """Number of events in `data`."""
    parts: Iterable[bytes] = ()
    """Sent after `data`, before anything else: as many in each write as fit."""
    log_index: int | None = None
    """Index in the log to go on from; None if it is not known yet, or unchanged."""
    position: Position = NOWHERE
    """The position of the last event in `data`, if the log is one book's."""


class EventsGone(Exception):
    """Events after the cursor's position are gone, for `reason`."""

    def __init__(self, reason: LaggedReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Opener(Protocol):
    """Opens the log of one book or of many; what waits raises redis.RedisError or OSError."""

    @property
    def can_open(self) -> bool:
        """Return whether `open` may succeed after it raised NoRoom."""

    async def open(self) -> Step:
        """Begin with the books as they are; raise NoRoom."""

    async def resume(self, event_id: str) -> Step:
        """Go on after an event; raise EventsGone if that is impossible, or NoRoom."""

    async def page(self) -> Step:
        """Return the next events before the log; raise EventsGone if they are gone."""

    def fall_off(self, position: Position, reason: LaggedReason) -> list[bytes]:
        """Note that events after `position` are missed; return what to send before `open`."""

    def close(self) -> None:
        """Note that the reader has gone."""


def in_writes(parts: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Group parts into writes of at most 64 KiB; a larger part is a write by itself.

    The last write is yielded after `parts` is exhausted, so nothing holds what it comes from.
    """
    fitting: list[bytes] = []
    size = 0
    for part in parts:
        if fitting and size + len(part) > WRITE_BYTES:
            yield fitting
            fitting, size = [], 0
        fitting.append(part)
        size += len(part)
    if fitting:
        yield fitting


def one_write(parts: Iterable[bytes]) -> list[bytes]:
    """Return the first parts that fit into one write, at least one if there is any."""
    return next(in_writes(parts), [])
