"""fakeredis behind a real port, for unit tests around Redis."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from fakeredis import FakeServer, TcpFakeServer

# Private parts of fakeredis: the handler of a connection, and the encoder of RESP 2 and 3.
# tests/lab/test_fake_redis.py fails if a version changes them.
from fakeredis._clients._tcp_server import TCPFakeRequestHandler, encode_reply

_POLL_SECONDS = 0.01
_READ_BYTES = 2**16
_VERSION = (8, 0)


class _Connection(TCPFakeRequestHandler):
    """A connection that runs all received commands and sends their replies in one write.

    The handler of fakeredis reads line by line, writes each reply separately, and polls every 10 ms
    for messages without a request, which no client here uses.
    """

    def handle(self) -> None:
        """Answer commands until the client disconnects."""
        self.connection.settimeout(None)
        # Without it the system delays a reply until the client acknowledges the one before.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        redis = self.current_client.get_socket()
        with suppress(ConnectionError):
            while data := self.connection.recv(_READ_BYTES):
                redis.sendall(data)
                self.connection.sendall(b"".join(self._replies()))

    def _replies(self) -> Iterator[bytes]:
        replies = self.current_client.get_socket().responses
        assert replies is not None, "the connection is closed"
        while not replies.empty():
            yield encode_reply(replies.get(), self.protocol_version)


class FakeRedis(TcpFakeServer):
    """A server that supports RESP 2 and 3 and Lua, with a thread for each connection.

    It lacks INFO, WAIT and ROLE, the types of some errors, and messages without a request.
    """

    # A client that is never closed must not block the end of the tests.
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), server_version=_VERSION)
        self.RequestHandlerClass = _Connection
        self.url = f"redis://127.0.0.1:{self.server_address[1]}"

    def empty(self) -> None:
        """Replace the data by an empty Redis for clients that connect later."""
        self.fake_server = FakeServer(version=_VERSION)


@contextmanager
def fake_redis() -> Iterator[FakeRedis]:
    """Serve fakeredis from a thread until the context ends.

    Yields:
        The server, which has the `url`.

    """
    server = FakeRedis()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL_SECONDS})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
