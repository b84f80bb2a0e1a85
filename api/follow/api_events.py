"""What the api itself tells readers, as SSE: a book to begin with, what they missed, its age."""

from __future__ import annotations

from functools import cached_property
from time import time_ns

from api.follow.frame_log import sse_frame, sse_unnumbered
from api.store.book_store import BookWithAge
from kraken_book.event import (
    Lagged,
    LaggedReason,
    Status,
    StatusChange,
    render_lagged,
    render_snapshot,
    render_status,
)
from kraken_book.position import Position
from kraken_book.printable import printable_json
from kraken_book.timestamps import rfc3339


class Opening:
    """A book to join a stream at, as many as join there at once; rendered for the first."""

    def __init__(self, book: BookWithAge, position: Position) -> None:
        self.book = book
        self.position = position

    @cached_property
    def sse(self) -> bytes:
        """The snapshot that opens their streams."""
        return opening(self.book)


def opening(book: BookWithAge) -> bytes:
    """The snapshot, as SSE, that opens a stream with the book of a hash."""
    stored = book.hash
    assert stored.snapshot is not None, f"{stored.symbol} has no book"
    assert stored.position is not None
    data = render_snapshot(stored.snapshot, stored.position.seq, stored.position.epoch, None, None)
    return sse_frame(stored.event_id, data)


def status_frame(symbol: str, status: Status, reason: str | None) -> bytes:
    """A status of the api's own, as SSE."""
    change = StatusChange(symbol, None, None, status, reason, rfc3339(time_ns()))
    return sse_unnumbered(printable_json(render_status(change)))


def lagged_frame(symbol: str, missed: int | None, reason: LaggedReason) -> bytes:
    """Word to a reader, as SSE, that it missed events; a snapshot is to follow."""
    return sse_unnumbered(render_lagged(Lagged(symbol, missed, reason)))
