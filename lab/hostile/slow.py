"""Clients that send their requests byte by byte, and clients that never read their streams."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

from lab.hostile.shapes import HOST

PAUSE = 0.2
_HEAD = b"GET /books HTTP/1.1\r\n" + HOST + b"X-Slow: "
_CHUNKED = b"POST /books HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
_BODY = b"POST /tickets HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n"
_STREAM = b"GET /stream?symbols=* HTTP/1.1\r\n" + HOST + b"\r\n"
_BEGINNINGS = ((_HEAD, b"x"), (_BODY, b"x"), (_CHUNKED, b"1\r\nx\r\n"), (_STREAM, b""))


class SlowClients:
    """A number of slow clients of each kind, until the context ends."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._is_over = threading.Event()
        self._sockets: list[tuple[socket.socket, bytes]] = []
        self._thread = threading.Thread(target=self._dribble, daemon=True)

    def __enter__(self) -> Self:
        for beginning, more in _BEGINNINGS * self._count:
            connection = socket.create_connection(("127.0.0.1", self._port))
            connection.sendall(beginning)
            connection.setblocking(False)
            self._sockets.append((connection, more))
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._is_over.set()
        self._thread.join()
        for connection, _ in self._sockets:
            connection.close()

    def _dribble(self) -> None:
        while not self._is_over.wait(PAUSE):
            for connection, more in self._sockets:
                # The server may have closed it, as it should.
                with contextlib.suppress(OSError):
                    connection.send(more)
