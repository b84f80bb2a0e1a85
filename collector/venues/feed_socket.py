"""The websocket of one connection, which returns messages in batches.

Nearly all that venues send are messages of one plain frame each. They are cut out here, in a
twelfth of the time that websockets takes for them. The handshake, the close, pings, fragments and
everything else are passed on to it, in whole frames. At most MOST_FRAMES_IN_A_TURN of those are
processed in one turn of the loop, so that no flood of them holds up the other connections.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.frames import Opcode
from websockets.protocol import State

from collector.feed.budget import Budget
from collector.feed.timestamp import Timestamp, timestamp_now
from collector.venues.websockets_internals import InterceptedConnection
from kraken_book.hosts import is_loopback

# The largest snapshots of Kraken, of every pair or of 1,000 levels, stay well below.
MOST_BYTES = 16 * 2**20
# If so many wait, no more is read from the system, which then tells the venue to wait.
MOST_WAITING = 256

# Of frames that are left to websockets, which takes some 20 us for each.
MOST_FRAMES_IN_A_TURN = 100
# While the connection closes, frames are not told apart; the smallest are of two bytes.
MOST_CLOSING_BYTES_IN_A_TURN = 4096
# A server pings every few seconds, and sends each message in one frame.
MOST_CONTROL_FRAMES, CONTROL_FRAMES_SECONDS = 1000, 10.0
MOST_PARTS = 10_000

_END_OF_HEAD = b"\r\n\r\n"
# RFC 6455, 5.2: the first byte of a whole message of text, or of bytes; the second byte says the
# length, or where that is to be found; past these two a frame is masked, as no server's is.
_WHOLE_TEXT, _WHOLE_BYTES = 0x81, 0x82
_LENGTH_IN_2_BYTES, _LENGTH_IN_8_BYTES = 126, 127
_OPCODES = frozenset(map(int, Opcode))

# What connecting may raise: also for a redirect to what is no URL, a header that comes twice, and a
# SOCKS proxy, for which websockets wants a package of its own.
NOT_CONNECTED = (OSError, WebSocketException, ImportError, ValueError, LookupError)
CONNECT_TIMEOUT = 10.0


class FeedFlooded(Exception):
    """So many control frames or fragments came that they can only be meant to keep us busy."""

    reason = "flood"


class FrameBatch(NamedTuple):
    """Messages in their order; `read_at` is when the newest of them was read from the system."""

    read_at: Timestamp
    messages: list[bytes]


class FeedSocket(InterceptedConnection):
    """A websocket that is read in batches; `recv` returns nothing.

    To wait for each message by itself costs a busy collector a tenth of its time.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The end of the answer to the handshake, as far as it has come; None once it is past.
        self._head: bytes | None = b""
        # The beginning of a frame, and how long the whole is known to be.
        self._begun = bytearray()
        self._whole = 0
        self._messages: list[bytes] = []
        # Of a message that comes in several frames.
        self._parts: list[bytes] = []
        self._read_at = Timestamp(0, 0)
        self._has_news = asyncio.Event()
        self._is_holding = False
        # Whether some of what has come is left for the loop's next turn.
        self._is_put_off = False
        self._control_frames = Budget(MOST_CONTROL_FRAMES, CONTROL_FRAMES_SECONDS)
        self._flooded: FeedFlooded | None = None

    async def next_batch(self) -> FrameBatch:
        """Wait for messages and return all that have come.

        Raises:
            ConnectionClosed: The connection has ended.
            FeedFlooded: It was ended because of a flood.
        """
        while not self._messages:
            if self._flooded is not None:
                raise self._flooded
            if self.state is State.CLOSED:
                # It knows what to raise.
                await self.recv()
            self._has_news.clear()
            await self._has_news.wait()
        messages, self._messages = self._messages, []
        self._hold_or_release()
        return FrameBatch(self._read_at, messages)

    def bytes_received(self, data: bytes) -> None:
        """Keep the messages that `data` completes, and pass everything else on."""
        self._read_at = timestamp_now()
        if self._head is not None:
            data = self._past_head(data)
        self._begun += data
        # What comes after a close is websockets' alone, as it comes.
        if len(self._begun) >= self._whole or self.state is not State.OPEN:
            self._take_begun()

    def before_eof(self) -> None:
        """Process what was put off."""
        while self._is_put_off:
            self._go_on()

    def _take_begun(self) -> None:
        if self._is_put_off:
            # It has its turn.
            return
        data = bytes(self._begun)
        self._begun.clear()
        self._take(data)
        if self._messages:
            self._has_news.set()
        self._hold_or_release()

    def _put_off(self, data: bytes) -> None:
        """Leave `data` for the loop's next turn."""
        self._begun += data
        self._whole = 0
        self._is_put_off = True
        self.call_next_turn(self._go_on)

    def _go_on(self) -> None:
        if self._is_put_off:
            self._is_put_off = False
            self._take_begun()

    def _hold_or_release(self) -> None:
        """Read no more from the system while enough has come, which tells the venue to wait."""
        holds = self._is_put_off or len(self._messages) >= MOST_WAITING
        if holds == self._is_holding or self.is_closing:
            return
        self._is_holding = holds
        if holds:
            self.pause_reading()
        else:
            self.resume_reading()

    def _past_head(self, data: bytes) -> bytes:
        """Pass the answer to the handshake on; return the bytes behind it."""
        assert self._head is not None
        seen = self._head + data
        before = len(self._head)
        end = seen.find(_END_OF_HEAD)
        if end < 0:
            self._head = seen[1 - len(_END_OF_HEAD) :]
            self.pass_on(data)
            return b""
        self._head = None
        end += len(_END_OF_HEAD) - before
        self.pass_on(data[:end])
        return data[end:]

    def _take(self, data: bytes) -> None:
        """Take every whole frame, or as many as one turn may have, and keep the begun one."""
        at = taken = 0
        while self.state is State.OPEN:
            if self._flooded is not None:
                return
            at = _cut_plain(data, at, self._messages) if not self._parts else at
            end = _end_of_frame(data, at)
            if end > len(data):
                self._begun += data[at:]
                self._whole = end - at
                return
            if taken == MOST_FRAMES_IN_A_TURN:
                self._put_off(data[at:])
                return
            taken += 1
            self.pass_on(data[at:end])
            at = end
        if self.state is State.CLOSED:
            return
        end = at + MOST_CLOSING_BYTES_IN_A_TURN
        if at < len(data):
            self.pass_on(data[at:end])
        if end < len(data):
            self._put_off(data[end:])

    def control_frame_received(self) -> None:
        """End a flood of control frames."""
        if not self._control_frames.take(monotonic()):
            self._end_flood(
                f"more than {MOST_CONTROL_FRAMES} pings and pongs in {CONTROL_FRAMES_SECONDS:.0f} s"
            )

    def data_frame_received(self, data: bytes, *, is_last: bool) -> None:
        """Keep a message, or a part of one."""
        if is_last and not self._parts:
            self._messages.append(data)
            return
        self._parts.append(data)
        if is_last:
            self._messages.append(b"".join(self._parts))
            self._parts.clear()
        elif len(self._parts) > MOST_PARTS:
            self._end_flood(f"a message of more than {MOST_PARTS} frames")

    def _end_flood(self, why: str) -> None:
        if self._flooded is None:
            self._flooded = FeedFlooded(why)
            self._has_news.set()
            # A closing handshake would have to be found in the flood.
            self.abort()

    def ended(self) -> None:
        """Wake whoever waits for messages."""
        self._has_news.set()


async def open_feed_socket(url: str) -> FeedSocket:
    """Connect to `url`; raise one of `NOT_CONNECTED` if that fails."""
    websocket = await connect(
        url,
        create_connection=FeedSocket,
        compression=None,
        max_size=MOST_BYTES,
        open_timeout=CONNECT_TIMEOUT,
        # A venue's heartbeats tell more than our pings would.
        ping_interval=None,
        close_timeout=0.5,
        # A proxy of the environment would not find this machine.
        proxy=None if is_loopback(urlsplit(url).hostname or "") else True,
    )
    assert isinstance(websocket, FeedSocket)
    return websocket


def _cut_plain(data: bytes, at: int, messages: list[bytes]) -> int:
    """Append the messages from `at` on that are one whole frame each; return where they end."""
    size = len(data)
    while size - at >= 2 and (data[at] == _WHOLE_TEXT or data[at] == _WHOLE_BYTES):
        start, length = at + 2, data[at + 1]
        if length == _LENGTH_IN_2_BYTES and size - at >= 4:
            start, length = at + 4, data[at + 2] << 8 | data[at + 3]
        elif length >= _LENGTH_IN_2_BYTES:
            break
        end = start + length
        if end > size:
            break
        messages.append(data[start:end])
        at = end
    return at


def _end_of_frame(data: bytes, at: int) -> int:
    """Return where the frame ends that begins at `at`, as far as it is known.

    For a frame that websockets refuses by its first bytes, return the end of the data.
    """
    if at + 1 < len(data) and data[at] & 0x0F not in _OPCODES:
        return len(data)
    length = data[at + 1] if at + 1 < len(data) else 0
    start = at + 2
    if length in (_LENGTH_IN_2_BYTES, _LENGTH_IN_8_BYTES):
        start += 2 if length == _LENGTH_IN_2_BYTES else 8
        length = int.from_bytes(data[at + 2 : start]) if start <= len(data) else 0
    elif length > _LENGTH_IN_8_BYTES:
        return len(data)
    return start + length if length <= MOST_BYTES else len(data)
