"""Events as SSE, and those that the api itself sends: what a reader missed, and a book's age."""

from __future__ import annotations

from time import time_ns

from kraken_book.event import (
    Lagged,
    LaggedReason,
    Status,
    StatusChange,
    render_lagged,
    render_status,
)
from kraken_book.printable import printable_json
from kraken_book.timestamps import rfc3339


def sse_frame(event_id: str, data: bytes) -> bytes:
    """Return a numbered event as SSE: `id` and `data`, so that a plain `onmessage` gets it."""
    return b"id: %b\ndata: %b\n\n" % (event_id.encode(), data)


def sse_unnumbered(data: bytes) -> bytes:
    """Return an event of the api's own as SSE; it leaves the reader's last id as it is."""
    return b"data: %b\n\n" % data


def status_frame(symbol: str, status: Status, reason: str | None) -> bytes:
    """Return a status of the api's own as SSE."""
    change = StatusChange(symbol, None, None, status, reason, rfc3339(time_ns()))
    return sse_unnumbered(printable_json(render_status(change)))


def lagged_frame(symbol: str, missed: int | None, reason: LaggedReason) -> bytes:
    """Return as SSE that a reader missed events (None: nobody knows how many)."""
    return sse_unnumbered(render_lagged(Lagged(symbol, missed, reason)))
