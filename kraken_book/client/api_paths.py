"""Find the address of an api in the address of one of its routes, such as `…/depth/BTC/USD`.

Every path may be the prefix below which a proxy serves an api: `/books` too. So an address is
accepted as it is, and its path is questioned only after an answer shows that the api got all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

__all__ = ["ROUTES", "prefix_before", "prefix_of"]

ROUTES = frozenset(
    {
        "asyncapi.json",
        "best",
        "books",
        "depth",
        "docs",
        "events",
        "favicon.ico",
        "healthz",
        "kraken-book.js",
        "metrics",
        "openapi.json",
        "quote",
        "readyz",
        "robots.txt",
        "status",
        "stream",
        "symbols",
        "tickets",
    }
)
"""The first parts of the api's paths."""
# How the paths begin that the client appends to the address.
_APPENDED = ("/best/", "/depth/", "/events/", "/stream", "/symbols")


def prefix_before(path: str, instance: str) -> str | None:
    """Return the part of an address's path before a route of the api; None if there is no route.

    Args:
        path: The decoded path of the address, to which the client appended its own.
        instance: The path that the api says was requested, percent-encoded. It shows whether the
            api itself got the route, or a proxy removed it as a prefix.
    """
    requested = unquote(instance)
    for prefix, route in _routes_in(path):
        if any(route + appended in requested for appended in _APPENDED):
            return prefix
    return None


def prefix_of(path: str) -> str:
    """Return the part of a path before the first route of an api; the path if there is none."""
    return next((prefix for prefix, _ in _routes_in(path)), path.rstrip("/"))


def _routes_in(path: str) -> Iterator[tuple[str, str]]:
    """Yield each way to split a path into a prefix and a route, the shortest prefix first."""
    parts = path.strip("/").split("/")
    for at, part in enumerate(parts):
        if part in ROUTES:
            yield "/".join(["", *parts[:at]]), "/".join(["", *parts[at:]])
