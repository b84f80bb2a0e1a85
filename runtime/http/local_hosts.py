"""Check the Host header, which protects against DNS rebinding.

A page of another site can point its own name to an address of this machine. A browser then takes a
service here for that site and lets the page read its answers, but it still sends the page's name as
Host.
"""

from __future__ import annotations

import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kraken_book.hosts import is_loopback, parse_address

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]?#]+)(?::\d{0,5})?", re.ASCII)


def host_in(header: str) -> str | None:
    """Return the name or address in a Host header without its port, None if it is invalid."""
    match = _HOST.fullmatch(header)
    return match[1] if match else None


def listens_on_loopback(address: str) -> bool:
    """Return whether only this machine can reach a socket that listens on `address`."""
    parsed = parse_address(address)
    return is_loopback(address) and not (parsed and parsed.is_unspecified)


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
