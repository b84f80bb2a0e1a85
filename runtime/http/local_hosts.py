"""Check the Host header, which protects against DNS rebinding.

A page of another site can point its own name to an address of this machine. A browser then takes a
service here for that site and lets the page read its answers, but it still sends the page's name as
Host.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kraken_book.hosts import host_in, is_loopback, listens_on_loopback


class LocalHosts:
    """ASGI middleware that serves names of this machine only, if the port is on loopback.

    A request without Host is served: browsers always send it, and health checks of HTTP/1.0 do not.

    Args:
        app: The application.
        listens_on: The address that the server listens on.
    """

    def __init__(self, app: ASGIApp, listens_on: str) -> None:
        self._app = app
        self._is_local = listens_on_loopback(listens_on)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 421."""
        app = self._app
        if self._is_local:
            hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
            if not all(is_loopback(host_in(host) or "") for host in hosts):
                app = PlainTextResponse("This host is not served here, only localhost.\n", 421)
        await app(scope, receive, send)
