"""The logs of channels: frames of one symbol, or of many with watermarks as their ids."""

from __future__ import annotations

from api.follow.buffer import Buffer
from api.follow.frame_log import FrameLog, SseFrame
from api.follow.ring import milliseconds_of
from api.views.followed_book import is_numbered
from kraken_book.position import NOWHERE

# A log of many symbols has that many frames; they are the rings' own.
MANY_CAPACITY = 16_384


class ChannelLog(FrameLog):
    """The frames of many symbols.

    The id of a frame is a watermark; it takes the place of the event's id when the frame is sent.
    """

    symbol = "*"

    def __init__(self, buffer: Buffer) -> None:
        super().__init__(MANY_CAPACITY, buffer)

    def _render(self, frame: SseFrame) -> bytes:
        return watermarked(frame)


class OneSymbolLog(FrameLog):
    """The frames of one symbol, each with its event's id."""

    def __init__(self, symbol: str, buffer: Buffer) -> None:
        super().__init__(buffer=buffer)
        self.symbol = symbol


def api_frame(sse: bytes) -> SseFrame:
    """Return the frame of an event of the api's own, which has no id."""
    return SseFrame(NOWHERE, "", sse)


def watermarked(frame: SseFrame) -> bytes:
    """Return the event as SSE with its frame's id, a watermark, in place of its own."""
    if not is_numbered(frame):
        return frame.sse
    return b"id: %b\n%b" % (frame.id.encode(), frame.sse[frame.sse.index(b"data: ") :])


def unmarked(frame: SseFrame) -> bytes:
    """Return the event as SSE without an id: there is more to send before a watermark is true."""
    return frame.sse[frame.sse.index(b"data: ") :] if is_numbered(frame) else frame.sse


def is_status(frame: SseFrame) -> bool:
    """Return whether the event tells a status, and nothing of the levels."""
    return not is_numbered(frame) or b'"kind":"status"' in frame.sse[:200]


def is_later(frame: SseFrame, milliseconds: int) -> bool:
    """Return whether it is an event of the stream that was written later than that."""
    return is_numbered(frame) and milliseconds_of(frame.id) > milliseconds
