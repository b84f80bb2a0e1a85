"""The interface through which a cursor opens a stream, resumes it and pages to its log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from enum import Enum
from typing import NamedTuple, Protocol

from api.follow.event_log import WRITE_BYTES
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE, Position


class CursorState(Enum):
    """State of a cursor, by its next action."""

    OPENING = "opening"
    """Send the opening."""
    WAITING = "waiting"
    """Open when there is a book, and room for the opening."""
    PAGING = "paging"
    """Send the events between the resume point and the log."""
    FOLLOWING = "following"
    """Send the events of the log."""
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
    """Sent after `data`, grouped into writes."""
    log_index: int | None = None
    """Index in the log to continue at; None if it is unknown yet or unchanged."""
    position: Position = NOWHERE
    """The position of the last event in `data`, if the log is one book's."""


class EventsGone(Exception):
    """Events after the cursor's position are gone.

    Args:
        reason: The reason for the `lagged` event.
    """

    def __init__(self, reason: LaggedReason) -> None:
        super().__init__(reason)
        self.reason = reason


AdmitRead = Callable[[], Awaitable[None]]
"""Called before a reader that resumes reads from Redis; raises ApiError if it may not."""


async def admit_any_read() -> None:
    """Admit a reader, because reads are not limited."""


class Opener(Protocol):
    """Opens the log of one book or of many for a cursor.

    Coroutines raise redis.RedisError or OSError if Redis does not answer.
    """

    @property
    def can_open(self) -> bool:
        """Return whether `open` may succeed after it raised NoRoom."""

    async def open(self) -> Step:
        """Begin with the current books; raise NoRoom if the buffer is full."""

    async def resume(self, event_id: str, admit_read: AdmitRead, /) -> Step:
        """Continue after an event; raise EventsGone if later events are gone, or ApiError."""

    async def page(self) -> Step:
        """Return the next events before the log; raise EventsGone if they are gone."""

    def miss_events(self, position: Position, reason: LaggedReason) -> list[bytes]:
        """Note that events after `position` are missed; return the data to send before `open`."""

    def close(self) -> None:
        """Release the log, because the reader has left."""


def in_writes(parts: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Group parts into writes of at most 64 KiB; a larger part gets its own write.

    The last write is yielded after `parts` is exhausted, so that the source of `parts` can be
    freed.

    Yields:
        The parts of one write.
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
