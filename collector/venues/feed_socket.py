"""The websocket of one connection, which returns messages in batches.

Venues send nearly all messages as one plain frame each. This module extracts these messages from
the bytes (docs/adr/0003-own-websocket-framing.md has the reason). It passes everything else to
websockets, in whole frames: the handshake, pings, fragments and the close. It passes at most
MAX_FRAMES_PER_ITERATION of them in one iteration of the event loop, so that a flood of them does
not block other connections.
"""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.frames import Opcode
from websockets.protocol import State

from collector.feed.budget import Budget
from collector.feed.timestamp import Timestamp, timestamp_now
from collector.tape.connection_tape import ConnectionTape
from collector.venues.websockets_internals import InterceptedConnection
from kraken_book.hosts import is_loopback

# Well above Kraken's largest snapshots, of every pair or of 1,000 levels.
MAX_MESSAGE_BYTES = 16 * 2**20
# If this many messages wait, nothing more is read from the socket, and TCP slows down the venue.
MAX_WAITING = 256

# The limit of frames that are passed to websockets, which is slow.
MAX_FRAMES_PER_ITERATION = 100
# The same for a connection that closes. Its bytes are not split into frames, which may be as small
# as two bytes.
MAX_CLOSING_BYTES_PER_ITERATION = 4096
# Far more than servers send: a ping every few seconds, and each message in one frame.
MAX_CONTROL_FRAMES, CONTROL_FRAMES_PERIOD = 1000, 10.0
MAX_PARTS = 10_000

_END_OF_HEAD = b"\r\n\r\n"
# RFC 6455, 5.2: the first byte of a message in one frame, of text or bytes. The second byte is the
# length, or the size of the length behind it. A greater second byte means a masked frame, which
# servers do not send.
_WHOLE_TEXT, _WHOLE_BYTES = 0x81, 0x82
_LENGTH_IN_2_BYTES, _LENGTH_IN_8_BYTES = 126, 127
_OPCODES = frozenset(map(int, Opcode))

# The errors of a connection attempt. The last three: websockets needs another package for a SOCKS
# proxy, a redirect has an invalid URL, or a header comes twice.
NOT_CONNECTED = (OSError, WebSocketException, ImportError, ValueError, LookupError)
CONNECT_TIMEOUT = 10.0


class FeedFlooded(Exception):
    """The server sent too many control frames or fragments."""

    reason = "flood"


class FrameBatch(NamedTuple):
    """Messages in order; `read_at` is the time at which the newest was read from the socket."""

    read_at: Timestamp
    messages: list[bytes]


class FeedSocket(InterceptedConnection):
    """A websocket that returns messages in batches; `recv` returns nothing.

    Batches save the cost of waiting for each message.

    Args:
        *args: The arguments of the library's connection.
        tape: Notes each message with the time at which it was read.
        **kwargs: The arguments of the library's connection.
    """

    def __init__(self, *args: Any, tape: ConnectionTape | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tape = tape
        # The last bytes of the answer to the handshake; None after its end.
        self._head: bytes | None = b""
        # The beginning of a frame, and the least length of the whole frame.
        self._begun = bytearray()
        self._whole = 0
        self._messages: list[bytes] = []
        # The payloads of a message that has several frames.
        self._parts: list[bytes] = []
        self._read_at = Timestamp(0, 0)
        self._has_news = asyncio.Event()
        self._is_paused = False
        # Whether some bytes are left for the next iteration of the event loop.
        self._is_put_off = False
        self._control_frames = Budget(MAX_CONTROL_FRAMES, CONTROL_FRAMES_PERIOD)
        self._flooded: FeedFlooded | None = None

    async def next_batch(self) -> FrameBatch:
        """Wait for messages.

        A ConnectionClosed is raised if the connection has ended, and a FeedFlooded if it was ended
        because of a flood.

        Returns:
            All messages that have arrived.
        """
        while not self._messages:
            if self._flooded is not None:
                raise self._flooded
            if self.state is State.CLOSED:
                # This raises ConnectionClosed.
                await self.recv()
            self._has_news.clear()
            await self._has_news.wait()
        messages, self._messages = self._messages, []
        self._pause_or_resume()
        return FrameBatch(self._read_at, messages)

    def bytes_received(self, data: bytes) -> None:
        """Extract the messages that `data` completes, and pass everything else on."""
        self._read_at = timestamp_now()
        if self._head is not None:
            data = self._past_head(data)
        self._begun += data
        # While the connection closes, bytes are passed on without waiting for whole frames.
        if len(self._begun) >= self._whole or self.state is not State.OPEN:
            self._process_begun()

    async def send_text(self, text: str) -> None:
        """Send a message."""
        if self._tape is not None:
            self._tape.on_sent(text.encode())
        await self.send(text)

    def before_eof(self) -> None:
        """Process the bytes that were put off."""
        while self._is_put_off:
            self._process_put_off()

    def _process_begun(self) -> None:
        if self._is_put_off:
            # The next iteration processes it.
            return
        data = bytes(self._begun)
        self._begun.clear()
        if self._tape is None:
            self._process(data)
        else:
            self._process_and_note(data, self._tape)
        if self._messages:
            self._has_news.set()
        self._pause_or_resume()

    def _process_and_note(self, data: bytes, tape: ConnectionTape) -> None:
        known = len(self._messages)
        self._process(data)
        if len(self._messages) > known:
            tape.on_received(self._read_at.unix, self._messages[known:])

    def _put_off(self, data: bytes) -> None:
        """Leave `data` for the next iteration of the event loop."""
        self._begun += data
        self._whole = 0
        self._is_put_off = True
        self.call_soon(self._process_put_off)

    def _process_put_off(self) -> None:
        if self._is_put_off:
            self._is_put_off = False
            self._process_begun()

    def _pause_or_resume(self) -> None:
        """Pause reading while enough messages wait, so that TCP slows down the venue."""
        pauses = self._is_put_off or len(self._messages) >= MAX_WAITING
        if pauses == self._is_paused or self.is_closing:
            return
        self._is_paused = pauses
        if pauses:
            self.pause_reading()
        else:
            self.resume_reading()

    def _past_head(self, data: bytes) -> bytes:
        """Pass on the answer to the handshake, and return the bytes behind it."""
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
        if self._tape is not None and self.state is State.OPEN:
            self._tape.on_opened(self._read_at.unix)
        return data[end:]

    def _process(self, data: bytes) -> None:
        """Process every whole frame, up to the limit, and keep an incomplete frame."""
        at = passed = 0
        while self.state is State.OPEN:
            if self._flooded is not None:
                return
            at = _cut_plain(data, at, self._messages) if not self._parts else at
            end = _end_of_frame(data, at)
            if end > len(data):
                self._begun += data[at:]
                self._whole = end - at
                return
            if passed == MAX_FRAMES_PER_ITERATION:
                self._put_off(data[at:])
                return
            passed += 1
            self.pass_on(data[at:end])
            at = end
        if self.state is State.CLOSED:
            return
        end = at + MAX_CLOSING_BYTES_PER_ITERATION
        if at < len(data):
            self.pass_on(data[at:end])
        if end < len(data):
            self._put_off(data[end:])

    def control_frame_received(self) -> None:
        """Count a control frame, and end the connection if there are too many."""
        if not self._control_frames.take(monotonic()):
            self._end_flood(
                f"more than {MAX_CONTROL_FRAMES} pings and pongs in {CONTROL_FRAMES_PERIOD:.0f} s"
            )

    def data_frame_received(self, data: bytes, *, is_last: bool) -> None:
        """Store a message, or a part of a message."""
        if is_last and not self._parts:
            self._messages.append(data)
            return
        self._parts.append(data)
        if is_last:
            self._messages.append(b"".join(self._parts))
            self._parts.clear()
        elif len(self._parts) > MAX_PARTS:
            self._end_flood(f"a message of more than {MAX_PARTS} frames")

    def _end_flood(self, why: str) -> None:
        if self._flooded is None:
            self._flooded = FeedFlooded(why)
            self._has_news.set()
            # For a closing handshake, the rest of the flood would have to be read.
            self.abort()

    def ended(self) -> None:
        """Wake the task that waits for messages."""
        self._has_news.set()


async def open_feed_socket(url: str, tape: ConnectionTape | None = None) -> FeedSocket:
    """Connect to `url`; if that fails, one of `NOT_CONNECTED` is raised.

    Args:
        url: The address.
        tape: Notes what is received and sent; the caller notes the end of the connection.

    Returns:
        The open websocket.
    """
    # Annotated as a class, but any callable that makes a connection will do.
    make_socket = cast("type[FeedSocket]", partial(FeedSocket, tape=tape))
    websocket = await connect(
        url,
        create_connection=make_socket,
        compression=None,
        max_size=MAX_MESSAGE_BYTES,
        open_timeout=CONNECT_TIMEOUT,
        # The venue's heartbeats make pings unnecessary.
        ping_interval=None,
        close_timeout=0.5,
        # A proxy from the environment cannot reach a server on this machine.
        proxy=None if is_loopback(urlsplit(url).hostname or "") else True,
    )
    assert isinstance(websocket, FeedSocket)
    return websocket


def _cut_plain(data: bytes, at: int, messages: list[bytes]) -> int:
    """Append the messages from `at` on that are one plain frame each; return their end."""
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
    """Return the end of the frame that begins at `at`, or of its known part.

    If websockets refuses the frame for its first bytes, return the end of the data.
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
    return start + length if length <= MAX_MESSAGE_BYTES else len(data)
