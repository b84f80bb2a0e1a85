"""Redis as a Python object behind a real port: fakeredis, for unit tests around Redis."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from fakeredis import FakeServer, TcpFakeServer

# Of fakeredis's inside: its handler of a connection, and how it writes a reply as RESP 2 or 3.
# tests/lab/test_fake_redis.py tells when they are not as they are used here.
from fakeredis._clients._tcp_server import TCPFakeRequestHandler, encode_reply

_POLL_SECONDS = 0.01
_READ_BYTES = 2**16
_VERSION = (8, 0)


class _Connection(TCPFakeRequestHandler):
    """A connection that carries out all commands that have come, and answers them in one write.

    That of fakeredis reads by the line and writes by the reply, and looks every 10 ms for what is
    to be sent unasked, which is nothing here.
    """

    def handle(self) -> None:
        """Answer until the client is gone."""
        self.connection.settimeout(None)
        # A reply that follows another must not wait for the client to acknowledge that one.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        redis = self.current_client.get_socket()
        with suppress(ConnectionError):
            while data := self.connection.recv(_READ_BYTES):
                redis.sendall(data)
                self.connection.sendall(b"".join(self._replies()))

    def _replies(self) -> Iterator[bytes]:
        replies = self.current_client.get_socket().responses
        assert replies is not None, "it is closed"
        while not replies.empty():
            yield encode_reply(replies.get(), self.protocol_version)


class FakeRedis(TcpFakeServer):
    """A server that speaks RESP 2 and 3 and runs Lua, with a thread for each connection.

    It lacks INFO, WAIT and ROLE, the types of some errors, and messages that nobody asked for.
    """

    # A client that is never closed holds up no end of the tests.
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), server_version=_VERSION)
        self.RequestHandlerClass = _Connection
        self.url = f"redis://127.0.0.1:{self.server_address[1]}"

    def empty(self) -> None:
        """Give the clients that connect from here on a Redis with nothing in it."""
        self.fake_server = FakeServer(version=_VERSION)


@contextmanager
def fake_redis() -> Iterator[FakeRedis]:
    """Run a fakeredis beside the tests."""
    server = FakeRedis()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL_SECONDS})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
