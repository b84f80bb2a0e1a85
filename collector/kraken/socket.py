"""The websocket of one connection, which hands over together what was read together.

Nearly all that Kraken sends are messages of one plain frame each. These are cut out here, in a
sixth of the time that websockets takes for them; the handshake, the close, pings, fragments and
whatever else there may be are left to it, in whole frames.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import Event, State

from collector.stamp import Stamp, stamp_now

# The largest snapshots, of every pair or of 1,000 levels, stay well below.
MOST_BYTES = 16 * 2**20
# Where so many wait no more is read from the system, which then tells Kraken to wait.
MOST_WAITING = 256

_END_OF_HEAD = b"\r\n\r\n"
# RFC 6455, 5.2: the first byte of a whole message of text, or of bytes; the second byte says the
# length, or where that is to be found; past these two a frame is masked, as no server's is.
_WHOLE_TEXT, _WHOLE_BYTES = 0x81, 0x82
_LENGTH_IN_2_BYTES, _LENGTH_IN_8_BYTES = 126, 127
_OPCODES = frozenset(map(int, Opcode))


class Lot(NamedTuple):
    """Messages in their order; `read` is when the newest of them was read from the system."""

    read: Stamp
    messages: list[bytes]


class FeedSocket(ClientConnection):
    """A websocket that is read by the lot; `recv` gets nothing.

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
        self._read = Stamp(0, 0)
        self._has_news = asyncio.Event()
        self._is_holding = False

    async def read(self) -> Lot:
        """All that has come, at least one; raises websockets.ConnectionClosed."""
        while not self._messages:
            if self.state is State.CLOSED:
                # It knows what to raise.
                await self.recv()
            self._has_news.clear()
            await self._has_news.wait()
        messages, self._messages = self._messages, []
        if self._is_holding and not self.transport.is_closing():
            self._is_holding = False
            self.transport.resume_reading()
        return Lot(self._read, messages)

    def data_received(self, data: bytes) -> None:
        """Bytes have come from the system."""
        self._read = stamp_now()
        if self._head is not None:
            data = self._past_head(data)
        self._begun += data
        # What comes after a close is websockets' alone, as it comes.
        if len(self._begun) >= self._whole or self.state is not State.OPEN:
            data = bytes(self._begun)
            self._begun.clear()
            self._take(data)
        if self._messages:
            self._has_news.set()
            if len(self._messages) >= MOST_WAITING and not self._is_holding:
                self._is_holding = True
                self.transport.pause_reading()

    def _past_head(self, data: bytes) -> bytes:
        """Have the answer to the handshake taken; what comes behind it."""
        assert self._head is not None
        seen = self._head + data
        before = len(self._head)
        end = seen.find(_END_OF_HEAD)
        if end < 0:
            self._head = seen[1 - len(_END_OF_HEAD) :]
            super().data_received(data)
            return b""
        self._head = None
        end += len(_END_OF_HEAD) - before
        super().data_received(data[:end])
        return data[end:]

    def _take(self, data: bytes) -> None:
        """Take every whole frame, and keep what is begun."""
        at = 0
        while self.state is State.OPEN:
            at = _cut_plain(data, at, self._messages) if not self._parts else at
            end = _end_of_frame(data, at)
            if end > len(data):
                self._begun += data[at:]
                self._whole = end - at
                return
            super().data_received(data[at:end])
            at = end
        if at < len(data):
            super().data_received(data[at:])

    def process_event(self, event: Event) -> None:
        """A frame is whole."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
        elif event.fin and not self._parts:
            self._messages.append(bytes(event.data))
        else:
            self._parts.append(bytes(event.data))
            if event.fin:
                self._messages.append(b"".join(self._parts))
                self._parts.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        self._has_news.set()


def _cut_plain(data: bytes, at: int, messages: list[bytes]) -> int:
    """Append the messages from `at` on that are one whole frame each; says where they end."""
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
    """Where the frame ends that begins at `at`, as far as it is known.

    Of one that websockets refuses by its first bytes, that is where the data end.
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
