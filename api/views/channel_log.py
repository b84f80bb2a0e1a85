"""The logs of channels: events of one symbol, or of many symbols with watermarks as ids."""

from __future__ import annotations

from api.follow.buffer import Buffer
from api.follow.event_log import EventLog, SseEvent
from api.follow.ring import milliseconds_of
from api.views.followed_book import is_numbered
from kraken_book.position import NOWHERE

# The events themselves are shared with the rings, so that a long log costs little.
MANY_CAPACITY = 16_384


class ChannelLog(EventLog):
    """The events of many symbols.

    The `id` of each event is a watermark, which replaces the id in its SSE when it is sent.
    """

    symbol = "*"

    def __init__(self, buffer: Buffer) -> None:
        super().__init__(MANY_CAPACITY, buffer)

    def _render(self, event: SseEvent) -> bytes:
        return watermarked(event)


class OneSymbolLog(EventLog):
    """The events of one symbol, with their own ids."""

    def __init__(self, symbol: str, buffer: Buffer) -> None:
        super().__init__(buffer=buffer)
        self.symbol = symbol


def api_event(sse: bytes) -> SseEvent:
    """Return an unnumbered event, which the api adds."""
    return SseEvent(NOWHERE, "", sse)


def watermarked(event: SseEvent) -> bytes:
    """Return the event as SSE, with its watermark in place of the id."""
    if not is_numbered(event):
        return event.sse
    return b"id: %b\n%b" % (event.id.encode(), event.sse[event.sse.index(b"data: ") :])


def unmarked(event: SseEvent) -> bytes:
    """Return the event as SSE without an id."""
    return event.sse[event.sse.index(b"data: ") :] if is_numbered(event) else event.sse


def is_status(event: SseEvent) -> bool:
    """Return whether the event is a status or `lagged`, without levels."""
    return not is_numbered(event) or b'"kind":"status"' in event.sse[:200]


def is_later(event: SseEvent, milliseconds: int) -> bool:
    """Return whether the event is numbered and was written later than a time."""
    return is_numbered(event) and milliseconds_of(event.id) > milliseconds
