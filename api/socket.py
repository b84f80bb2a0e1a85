"""The socket under a request, for streams: written to, told when it is gone, cut when nobody reads.

ASGI tells a disconnect only to who awaits `receive`, which would cost every stream a second task,
and offers no way to end a connection whose client does not read. Its `send` is a coroutine under
several others, and copies what it sends: for each event and reader that took half of the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import sys
import termios
from collections.abc import Callable

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "kraken_book.socket"
# Far above what browsers and proxies send.
MOST_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 20.0

TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


# Two writes of a stream: as much as the system takes for a client beyond what is under way to it.
UNSENT_BYTES = 128 * 1024


def bound_unsent(listener: socket.socket) -> None:
    """Let the system keep little for clients that do not read; megabytes of each, by itself.

    So that one who does not read is found out soon, and one who is slow gets what is new.
    """
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


class _Chunk:
    """The last part of a chunked body that was framed: most readers are sent the same bytes."""

    def __init__(self) -> None:
        self._data = self._framed = b""

    def of(self, data: bytes) -> bytes:
        """The chunk with `data`."""
        if data is not self._data:
            self._data, self._framed = data, b"%x\r\n%b\r\n" % (len(data), data)
        return self._framed


_chunk = _Chunk()


class Socket:
    """One client's connection; `changed` is called when it is gone, or no longer full."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.gone = False
        self.is_full = False
        """Whether something waits here that the system has not taken: write when that is over."""
        self.written = 0
        """How many bytes `write` was given."""
        self.changed: Callable[[], None] | None = None
        # So that one who does not read has no more waiting here than the rest of one write.
        transport.set_write_buffer_limits(high=0)

    def write(self, data: bytes) -> None:
        """Send a part of a body whose head said `transfer-encoding: chunked`; never waits."""
        if not self.gone:
            self.written += len(data)
            self._transport.write(_chunk.of(data))

    def cut(self) -> None:
        """Close at once, whatever still waits to be sent."""
        self._transport.abort()

    @property
    def waiting_bytes(self) -> int:
        """How much waits here and in the system, until the client takes it."""
        waiting = self._transport.get_write_buffer_size()
        with contextlib.suppress(OSError, ValueError):
            # By itself the system takes more of us only once much of what it has is gone.
            fileno = self._transport.get_extra_info("socket").fileno()
            waiting += int.from_bytes(
                fcntl.ioctl(fileno, termios.TIOCOUTQ, bytes(4)), sys.byteorder
            )
        return waiting

    def lost(self) -> None:
        """The connection is closed."""
        self.gone = True
        self._tell()

    def fill(self, *, is_full: bool) -> None:
        """Something waits to be taken by the system, or nothing any more."""
        self.is_full = is_full
        if not is_full:
            self._tell()

    def _tell(self) -> None:
        if self.changed is not None:
            self.changed()


class SocketProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which tells each request its socket and bounds a request's head.

    httptools itself takes heads of any size, for as long as they take.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport, and wait for the first request only so long."""
        super().connection_made(transport)
        self._socket = Socket(transport)
        self._head_bytes = 0
        self._head_due = self.loop.call_later(HEAD_SECONDS, self._socket.cut)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who streams on this socket."""
        self._head_due.cancel()
        super().connection_lost(exc)
        self._socket.lost()

    def pause_writing(self) -> None:
        """Note that the system takes no more."""
        super().pause_writing()
        self._socket.fill(is_full=True)

    def resume_writing(self) -> None:
        """Note that it does again."""
        super().resume_writing()
        self._socket.fill(is_full=False)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that is too long is refused before it fills the memory."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Put the socket into the request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"socket": self._socket}}
        self._head_due.cancel()
        self._head_due = self.loop.call_later(HEAD_SECONDS, self._socket.cut)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._head_bytes = 0
        self._head_due.cancel()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, which is not of the head."""
        self._head_bytes = 0
        super().on_body(body)


def socket_of(scope: Scope) -> Socket:
    """The socket of a request served by SocketProtocol."""
    found: Socket = scope["extensions"][EXTENSION]["socket"]
    return found


def bytes_streamed(scope: Scope) -> int:
    """How many bytes streams have written by themselves to a request's socket, so far."""
    found = scope.get("extensions", {}).get(EXTENSION)
    return 0 if found is None else int(found["socket"].written)
