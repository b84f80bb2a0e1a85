"""The logs of channels: events of one symbol, or of many with watermarks as their ids."""

from __future__ import annotations

from api.follow.buffer import Buffer
from api.follow.event_log import EventLog, SseEvent
from api.follow.ring import milliseconds_of
from api.views.followed_book import is_numbered
from kraken_book.position import NOWHERE

# A log of many symbols has that many events; they are the rings' own.
MANY_CAPACITY = 16_384


class ChannelLog(EventLog):
    """The events of many symbols.

    The id of a event is a watermark; it takes the place of the event's id when the event is sent.
    """

    symbol = "*"

    def __init__(self, buffer: Buffer) -> None:
        super().__init__(MANY_CAPACITY, buffer)

    def _render(self, event: SseEvent) -> bytes:
        return watermarked(event)


class OneSymbolLog(EventLog):
    """The events of one symbol, each with its event's id."""

    def __init__(self, symbol: str, buffer: Buffer) -> None:
        super().__init__(buffer=buffer)
        self.symbol = symbol


def api_event(sse: bytes) -> SseEvent:
    """Return the event of an event of the api's own, which has no id."""
    return SseEvent(NOWHERE, "", sse)


def watermarked(event: SseEvent) -> bytes:
    """Return the event as SSE with its event's id, a watermark, in place of its own."""
    if not is_numbered(event):
        return event.sse
    return b"id: %b\n%b" % (event.id.encode(), event.sse[event.sse.index(b"data: ") :])


def unmarked(event: SseEvent) -> bytes:
    """Return the event as SSE without an id: there is more to send before a watermark is true."""
    return event.sse[event.sse.index(b"data: ") :] if is_numbered(event) else event.sse


def is_status(event: SseEvent) -> bool:
    """Return whether the event tells a status, and nothing of the levels."""
    return not is_numbered(event) or b'"kind":"status"' in event.sse[:200]


def is_later(event: SseEvent, milliseconds: int) -> bool:
    """Return whether it is an event of the stream that was written later than that."""
    return is_numbered(event) and milliseconds_of(event.id) > milliseconds
