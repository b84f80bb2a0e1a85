"""Render the events that the api adds to streams: `lagged`, and statuses of books."""

from __future__ import annotations

from time import time_ns

from api.follow.event_log import render_unnumbered_sse
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


def status_sse(symbol: str, status: Status, reason: str | None) -> bytes:
    """Return a status of a book as an unnumbered SSE message."""
    change = StatusChange(symbol, None, None, status, reason, rfc3339(time_ns()))
    return render_unnumbered_sse(printable_json(render_status(change)))


def lagged_sse(symbol: str, missed: int | None, reason: LaggedReason) -> bytes:
    """Return a `lagged` event as an unnumbered SSE message.

    Args:
        symbol: The symbol of the missed events.
        missed: The number of missed events, None if it is unknown.
        reason: Why the reader missed them.
    """
    return render_unnumbered_sse(render_lagged(Lagged(symbol, missed, reason)))
