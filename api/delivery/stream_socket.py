"""The connection of a stream: write to it, notice its close, and abort it.

ASGI reports a disconnect only to a task that awaits `receive`, which would need a second task for
every stream, and it cannot close a connection to a client that does not read. Its `send` is a
coroutine inside several others and copies its data: 13.1 us of CPU for an event and reader, against
6.2 us with `Socket.write` (suite private_parts of bench, 2026-11;
docs/adr/0005-own-uvicorn-protocol.md).
"""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from starlette.types import Scope

from runtime.http.protocol import HttpProtocol
from runtime.http.unread import unsent_bytes

EXTENSION = "kraken_book.socket"

# Two writes of a stream: bytes that the system accepts for a client and has not sent yet.
UNSENT_BYTES = 128 * 1024


def bound_unsent(listener: socket.socket) -> None:
    """Bound the bytes that the system buffers for a client, which are megabytes by default.

    With less buffered, a client that does not read is noticed sooner, and a slow client gets newer
    events.
    """
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


class _Chunk:
    """The last chunk that was framed; most readers get the same bytes."""

    def __init__(self) -> None:
        self._data = self._framed = b""

    def of(self, data: bytes) -> bytes:
        """Return `data` as a chunk of HTTP/1.1."""
        if data is not self._data:
            self._data, self._framed = data, b"%x\r\n%b\r\n" % (len(data), data)
        return self._framed


_chunk = _Chunk()


class SocketListener(Protocol):
    """Listens to a socket."""

    def socket_changed(self) -> None:
        """Handle that the socket was closed, half-closed, or can take more."""


class Socket:
    """One client's connection, and the stream that listens to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.is_gone = False
        self.is_chunked = True
        """Whether to send chunks. A client of HTTP/1.0 gets plain bytes until the end."""
        self.is_half_closed = False
        """Whether the client has closed its direction. A write shows if it still reads."""
        self.is_full = False
        """Whether the transport still holds bytes. Do not write until it has passed them on."""
        self.written = 0
        """The number of bytes written."""
        self._listener: SocketListener | None = None

    @property
    def has_stream(self) -> bool:
        """Return whether a stream listens to the socket."""
        return self._listener is not None

    def attach(self, listener: SocketListener) -> None:
        """Call `listener.socket_changed` from now on."""
        self._listener = listener

    def detach(self) -> None:
        """Remove the listener."""
        self._listener = None

    def write(self, data: bytes) -> None:
        """Send a part of a body of unknown length, without waiting."""
        if not self.is_gone:
            self.written += len(data)
            self._transport.write(_chunk.of(data) if self.is_chunked else data)

    def cut(self) -> None:
        """Close at once, without sending the rest."""
        self._transport.abort()

    @property
    def waiting_bytes(self) -> int:
        """Return the unsent bytes for the client, in this process and in the system."""
        return unsent_bytes(self._transport)

    def lost(self) -> None:
        """Note that the connection was closed."""
        self.is_gone = True
        self._notify()

    def half_close(self) -> None:
        """Note that the client sends no more."""
        self.is_half_closed = True
        self._notify()

    def fill(self, *, is_full: bool) -> None:
        """Note whether the transport holds bytes that the system has not accepted."""
        self.is_full = is_full
        if not is_full:
            self._notify()

    def _notify(self) -> None:
        if self._listener is not None:
            self._listener.socket_changed()


class SocketProtocol(HttpProtocol):
    """The HTTP protocol of all services, with the socket in each request's scope."""

    @property
    def is_streaming(self) -> bool:
        """Return whether a stream uses the socket; it cuts off clients that do not read itself."""
        return self._socket.has_stream

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the socket into the scope of this connection's requests."""
        self._socket = Socket(transport)
        self.extensions = {EXTENSION: {"socket": self._socket}}
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the stream that the connection was closed."""
        super().connection_lost(exc)
        self._socket.lost()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Notify the stream that the client sends no more; return whether to stay open."""
        keeps_open = super().eof_received()
        if keeps_open:
            self._socket.half_close()
        return keeps_open

    def pause_writing(self) -> None:
        """Note that the socket is full."""
        super().pause_writing()
        self._socket.fill(is_full=True)

    def resume_writing(self) -> None:
        """Note that the socket can take more."""
        super().resume_writing()
        self._socket.fill(is_full=False)


def socket_of(scope: Scope) -> Socket:
    """Return the socket of a request; the server must use SocketProtocol."""
    found: Socket = scope["extensions"][EXTENSION]["socket"]
    found.is_chunked = scope["http_version"] != "1.0"
    return found


def bytes_streamed(scope: Scope) -> int:
    """Return the number of bytes that streams have written to a request's socket."""
    found = scope.get("extensions", {}).get(EXTENSION)
    return 0 if found is None else int(found["socket"].written)
