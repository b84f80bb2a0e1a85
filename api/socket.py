"""The socket under a request, for streams: told when it is gone, and cut when nobody reads.

ASGI tells a disconnect only to who awaits `receive`, which would cost every stream a second task,
and offers no way to end a connection whose client does not read.
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


class Socket:
    """One client's connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.gone = False
        self.on_gone: Callable[[], None] | None = None

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
        if self.on_gone is not None:
            self.on_gone()


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
