"""Redis as a Python object behind a real port: fakeredis, for unit tests around Redis."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from fakeredis import TcpFakeServer

_POLL_SECONDS = 0.01


class _Server(TcpFakeServer):
    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        # It writes each reply by itself: with Nagle's algorithm each second one is 40 ms late.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address


@contextmanager
def fake_redis() -> Iterator[str]:
    """Run a fakeredis in a thread, and yield its URL.

    It speaks RESP 2 and 3 and runs Lua. It lacks INFO, WAIT and ROLE, the types of some errors, and
    speed: 200 us a command, and late answers to blocking reads.
    """
    server = _Server(("127.0.0.1", 0))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL_SECONDS})
    thread.start()
    try:
        yield f"redis://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
