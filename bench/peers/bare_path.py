"""The shortest path from Redis to SSE: XREAD, then a write to each client.

    python -m bench.peers.bare_path 3001 redis.sock

It checks, keeps and recovers nothing: it is the lower bound for the services. `BarePublisher`
writes the stream that it follows, with an XADD for each event.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from pathlib import Path

import hiredis

from bench.load.market_events import MarketEvent, stamped
from bench.load.publishers import packed
from runtime.command_line import OneLineParser

STREAM = "bare"
# Streams with their entries: an id, and the fields with their values.
Reply = list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: bare\n\n"
_BLOCK_MS = 5000


class Redis:
    """A connection that sends packed commands and reads their replies."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self._replies = hiredis.Reader()

    def send(self, *commands: bytes) -> None:
        """Send commands without waiting for replies."""
        self.socket.sendall(b"".join(commands))

    def reply(self) -> Reply | None:
        """Wait for the next reply, and return it."""
        while (reply := self._replies.gets()) is False:
            self._replies.feed(self.socket.recv(1 << 20))
        if isinstance(reply, Exception):
            raise reply
        found: Reply | None = reply
        return found


class BarePublisher:
    """Publishes events without a book."""

    def __init__(self, path: Path) -> None:
        self._redis = Redis(str(path))

    def publish(self, events: Sequence[MarketEvent]) -> None:
        """Write events; return when Redis has them."""
        self._redis.send(*[packed("XADD", STREAM, "*", "data", stamped(each)) for each in events])
        for _ in events:
            self._redis.reply()

    def close(self) -> None:
        """Close the connection."""
        self._redis.socket.close()


def serve(port: int, redis_socket: str) -> None:
    """Serve all clients until the process is killed."""
    redis, last = Redis(redis_socket), b"0-0"
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", port), backlog=2048) as listener:
        redis.send(_read_after(last))
        while True:
            ready, _, _ = select.select([listener, redis.socket], [], [])
            if listener in ready:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.sendall(_HEAD)
                clients.append(client)
            if redis.socket in ready:
                for _, entries in redis.reply() or []:
                    last = entries[-1][0]
                    frames = [b"id: %b\ndata: %b\n\n" % (i, data) for i, (_, data) in entries]
                    _write(clients, b"".join(frames))
                redis.send(_read_after(last))


def _read_after(last: bytes) -> bytes:
    return packed("XREAD", "BLOCK", _BLOCK_MS, "STREAMS", STREAM, last)


def _write(clients: list[socket.socket], data: bytes) -> None:
    for client in list(clients):
        try:
            client.sendall(data)
        except OSError:
            clients.remove(client)


def main() -> None:
    """Serve as the command line says."""
    parser = OneLineParser(
        "python -m bench.peers.bare_path",
        "Writes a stream of Redis to each client until it is killed, for the suites that start it.",
        {1: "it has failed; a traceback shows why", 2: "an argument is invalid"},
    )
    parser.add_argument("port", type=int, help="the port on 127.0.0.1")
    parser.add_argument("redis", metavar="SOCKET", help="the Unix socket of Redis")
    given = parser.parse_args()
    serve(given.port, given.redis)


if __name__ == "__main__":
    main()
