"""The socket under a request, for streams: write to it, learn when it is gone, cut it.

ASGI reports a disconnect only to a task that awaits `receive`, which would cost every stream a
second task, and has no way to end a connection whose client does not read. Its `send` is a
coroutine under several others, and copies what it sends: 13.1 us of CPU for an event and reader,
against 6.2 by `Socket.write` (suite private_parts of bench, 2026-11;
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

# Two writes of a stream: as much as the system takes for a client beyond what is under way to it.
UNSENT_BYTES = 128 * 1024


def bound_unsent(listener: socket.socket) -> None:
    """Let the system keep little for clients that do not read; by itself it keeps megabytes.

    A client that does not read is found out sooner so, and a slow one gets newer events.
    """
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


class _Chunk:
    """The last part of a chunked body that was framed: most readers get the same bytes."""

    def __init__(self) -> None:
        self._data = self._framed = b""

    def of(self, data: bytes) -> bytes:
        """Return `data` as a chunk."""
        if data is not self._data:
            self._data, self._framed = data, b"%x\r\n%b\r\n" % (len(data), data)
        return self._framed


_chunk = _Chunk()


class SocketListener(Protocol):
    """Hears of a socket."""

    def socket_changed(self) -> None:
        """Note that the socket is gone, half-closed, or not full."""


class Socket:
    """One client's connection, and the stream that listens to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.gone = False
        self.is_chunked = True
        """Whether the client knows chunks; an HTTP/1.0 client gets bytes until the close."""
        self.is_half_closed = False
        """Whether the client sends no more; only a write shows if it is gone."""
        self.is_full = False
        """Whether the transport holds bytes that the system has not taken; write after that."""
        self.written = 0
        """How many bytes `write` was given."""
        self._listener: SocketListener | None = None

    @property
    def has_stream(self) -> bool:
        """Return whether a stream listens to the socket."""
        return self._listener is not None

    def attach(self, listener: SocketListener) -> None:
        """Call `listener.socket_changed` from now on."""
        self._listener = listener

    def detach(self) -> None:
        """Call nobody."""
        self._listener = None

    def write(self, data: bytes) -> None:
        """Send a part of a body of unknown length; never waits."""
        if not self.gone:
            self.written += len(data)
            self._transport.write(_chunk.of(data) if self.is_chunked else data)

    def cut(self) -> None:
        """Close at once, whatever still waits to be sent."""
        self._transport.abort()

    @property
    def waiting_bytes(self) -> int:
        """Return how many bytes wait in this process and in the system for the client."""
        return unsent_bytes(self._transport)

    def lost(self) -> None:
        """Note that the connection is closed."""
        self.gone = True
        self._tell()

    def half_close(self) -> None:
        """Note that the client sends no more."""
        self.is_half_closed = True
        self._tell()

    def fill(self, *, is_full: bool) -> None:
        """Note whether the transport holds bytes that the system has not taken."""
        self.is_full = is_full
        if not is_full:
            self._tell()

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener.socket_changed()


class SocketProtocol(HttpProtocol):
    """HTTP as every service of ours speaks it, with the socket in each request's scope."""

    @property
    def is_streaming(self) -> bool:
        """Return whether a stream writes to the socket and cuts off a client that does not read."""
        return self._socket.has_stream

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the requests of this connection its socket."""
        self._socket = Socket(transport)
        self.extensions = {EXTENSION: {"socket": self._socket}}
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the stream on this socket."""
        super().connection_lost(exc)
        self._socket.lost()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Tell the stream on this socket that the client may be gone."""
        keeps_open = super().eof_received()
        if keeps_open:
            self._socket.half_close()
        return keeps_open

    def pause_writing(self) -> None:
        """Note that the system takes no more."""
        super().pause_writing()
        self._socket.fill(is_full=True)

    def resume_writing(self) -> None:
        """Note that it does again."""
        super().resume_writing()
        self._socket.fill(is_full=False)


def socket_of(scope: Scope) -> Socket:
    """Return the socket of a request that is served by SocketProtocol."""
    found: Socket = scope["extensions"][EXTENSION]["socket"]
    found.is_chunked = scope["http_version"] != "1.0"
    return found


def bytes_streamed(scope: Scope) -> int:
    """Return how many bytes streams have written to a request's socket so far."""
    found = scope.get("extensions", {}).get(EXTENSION)
    return 0 if found is None else int(found["socket"].written)
