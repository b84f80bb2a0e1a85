"""The socket under a request, for streams: told when it is gone, and cut when nobody reads.

ASGI tells a disconnect only to who awaits `receive`, which would cost every stream a second task,
and offers no way to end a connection whose client does not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "kraken_book.socket"


class Socket:
    """One client's connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.gone = False
        self.on_gone: Callable[[], None] | None = None

    def cut(self) -> None:
        """Close at once, whatever still waits to be sent."""
        self._transport.abort()

    def lost(self) -> None:
        """The connection is closed."""
        self.gone = True
        if self.on_gone is not None:
            self.on_gone()


class SocketProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which tells each request its socket."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport."""
        super().connection_made(transport)
        self._socket = Socket(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who streams on this socket."""
        super().connection_lost(exc)
        self._socket.lost()

    def on_message_begin(self) -> None:
        """Put the socket into the request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"socket": self._socket}}


def socket_of(scope: Scope) -> Socket:
    """The socket of a request served by SocketProtocol."""
    socket: Socket = scope["extensions"][EXTENSION]["socket"]
    return socket
