"""Clients that ask for a stream and read nothing of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from lab.sse.stream import stream_path


def stream_request(symbol: str, last_event_id: str | None = None) -> bytes:
    """Return the request for a symbol's stream, or with `*` for every book's, as it is sent."""
    back = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
    path = "/stream?symbols=*" if symbol == "*" else stream_path(symbol)
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{back}\r\n".encode()


def frozen_reader(url: str, symbol: str, last_event_id: str | None = None) -> socket.socket:
    """Return a client that has asked for a stream; only its system takes something of it."""
    address = urlsplit(url)
    frozen = socket.socket()
    frozen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    frozen.connect((address.hostname, address.port))
    frozen.sendall(stream_request(symbol, last_event_id))
    return frozen


@contextmanager
def frozen_readers(
    url: str, symbol: str, count: int, last_event_id: str | None = None
) -> Iterator[list[socket.socket]]:
    """Yield so many frozen readers."""
    frozen = [frozen_reader(url, symbol, last_event_id) for _ in range(count)]
    try:
        yield frozen
    finally:
        for each in frozen:
            each.close()
