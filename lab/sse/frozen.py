"""Clients that request a stream and read nothing; they share no code with the product."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from lab.sse.stream import stream_path


def stream_request(symbol: str, last_event_id: str | None = None) -> bytes:
    """Return the bytes of a request for the stream of a symbol or, with `*`, of every book."""
    resume = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
    path = "/stream?symbols=*" if symbol == "*" else stream_path(symbol)
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{resume}\r\n".encode()


def frozen_reader(url: str, symbol: str, last_event_id: str | None = None) -> socket.socket:
    """Return the socket of a client that has requested a stream; its receive buffer is small."""
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
    """Open `count` frozen readers, and close them when the context ends.

    Yields:
        The sockets of the readers.

    """
    frozen = [frozen_reader(url, symbol, last_event_id) for _ in range(count)]
    try:
        yield frozen
    finally:
        for each in frozen:
            each.close()
