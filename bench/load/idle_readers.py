"""Open streams that are not read, and the memory of the api that holds them."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from time import monotonic, sleep

from bench.load.market_events import SYMBOL
from bench.peers.servers import Server
from lab.sse.frozen import stream_request

# Memory that has not grown for this time has settled.
SETTLED_SECONDS = 1.5
LIMIT_SECONDS = 30.0
JOIN_SECONDS = 60.0


def open_streams(server: Server, count: int, undo: ExitStack) -> None:
    """Open `count` streams; return when each has the snapshot."""
    readers = []
    for _ in range(count):
        reader = undo.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        reader.settimeout(JOIN_SECONDS)
        reader.sendall(stream_request(SYMBOL))
        readers.append(reader)
    for reader in readers:
        had = b""
        while b'"conflated"' not in had:
            more = reader.recv(65536)
            assert more, f"a stream ended after {had!r}"
            had += more


def settled_memory(server: Server, scale: float) -> int:
    """Return the api's memory in bytes once it no longer grows."""
    assert server.memory is not None
    most, deadline = 0, monotonic() + LIMIT_SECONDS
    since, wait = monotonic(), max(0.3, SETTLED_SECONDS * min(1.0, scale))
    while monotonic() < min(deadline, since + wait):
        now = server.memory()
        if now > most:
            most, since = now, monotonic()
        sleep(0.05)
    return most
