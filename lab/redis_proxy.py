"""A TCP proxy in front of a Redis that injects the faults of networks into connections.

with RedisProxy(redis.port) as proxy:
    collector = stage.collector(proxy.url, ...)
    with proxy.goes_wrong(LoseAnswers(chance=0.3)):
        ...

The faults are in `proxy_faults`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator
from typing import Self

PIECE_BYTES = 65536
LIMIT_SECONDS = 10.0
# A socket that is closed with this option sends a reset and drops unsent bytes.
LINGER_NONE = struct.pack("ii", 1, 0)


class Link:
    """A client's connection and the connection to Redis that was opened for it."""

    def __init__(
        self, client: StreamWriter, redis: StreamWriter, close: Callable[[StreamWriter], None]
    ) -> None:
        self._client = client
        self._redis = redis
        self._close = close
        self.requests_lost = False
        """Whether bytes to Redis were dropped; TCP would deliver none after them."""
        self.answers_lost = False
        """Whether bytes to the client were dropped."""
        self.ended = asyncio.Event()
        """An event that is set when Redis has ended its side."""

    async def to_redis(self, data: bytes) -> None:
        """Send bytes to Redis."""
        await _write(self._redis, data)

    async def to_client(self, data: bytes) -> None:
        """Send bytes to the client."""
        await _write(self._client, data)

    def end_redis(self) -> None:
        """Send Redis the end of the stream after all bytes."""
        if not self._redis.transport.is_closing():
            self._redis.write_eof()

    def end_client(self) -> None:
        """Close the client's connection after all bytes."""
        self._client.close()

    def cut_client(self) -> None:
        """Disconnect the client."""
        self._close(self._client)

    def cut(self) -> None:
        """Disconnect both sides."""
        self._close(self._client)
        self._close(self._redis)


class ProxyFault:
    """A handler of the bytes between clients and Redis; this base class forwards all of them."""

    async def on_request(self, link: Link, data: bytes) -> None:
        """Handle bytes from a client."""
        await link.to_redis(data)

    async def on_answer(self, link: Link, data: bytes) -> None:
        """Handle bytes from Redis."""
        await link.to_client(data)


class RedisProxy:
    """A proxy between clients and the Redis on a port of this machine, until the context ends.

    Args:
        port: The port of Redis.
        resets: Whether to disconnect with a reset, as a machine does that does not know the
            connection. Otherwise connections are closed, as by a server that stops.

    """

    def __init__(self, port: int, *, resets: bool = True) -> None:
        self._target = port
        self._close: Callable[[StreamWriter], None] = _reset if resets else _end
        self._fault = ProxyFault()
        self._links: set[Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """The proxy's address in the form of REDIS_URL."""
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_SECONDS)

    @contextlib.contextmanager
    def goes_wrong(self, fault: ProxyFault) -> Iterator[None]:
        """Apply `fault` to all connections, including new ones, until the context ends."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = ProxyFault()

    def cut(self) -> None:
        """Disconnect every client; new connections are accepted."""
        self.do(self._cut_all)

    def lead_to(self, port: int) -> None:
        """Use another Redis from now on, and disconnect all clients of the previous one."""

        def move() -> None:
            self._target = port
            self._cut_all()

        self.do(move)

    def do(self, act: Callable[[], object]) -> None:
        """Run `act` in the proxy's event loop; return when it is done."""
        done = threading.Event()

        def act_and_set() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(act_and_set)
        assert done.wait(LIMIT_SECONDS), "the proxy hangs"

    def _cut_all(self) -> None:
        for link in list(self._links):
            link.cut()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, sock=self._listener)
        )
        self._loop.run_forever()
        server.close()
        self._cut_all()
        carrying = asyncio.all_tasks(self._loop)
        for task in carrying:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*carrying, return_exceptions=True))
        self._loop.close()

    async def _accept(self, asking: StreamReader, client: StreamWriter) -> None:
        try:
            answering, redis = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _reset(client)
            return
        link = Link(client, redis, self._close)
        self._links.add(link)
        try:
            # The tasks are cancelled when the proxy ends, which is no failure.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(
                    self._forward_requests(link, asking), self._forward_answers(link, answering)
                )
        finally:
            self._links.discard(link)
            link.cut()

    async def _forward_requests(self, link: Link, asking: StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await asking.read(PIECE_BYTES):
                if not link.requests_lost:
                    await self._fault.on_request(link, data)
        # If bytes are dropped, so is the end of the client's connection.
        if not link.requests_lost:
            link.end_redis()

    async def _forward_answers(self, link: Link, answering: StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await answering.read(PIECE_BYTES):
                if not link.answers_lost:
                    await self._fault.on_answer(link, data)
        link.ended.set()
        if not link.answers_lost:
            link.end_client()


async def _write(writer: StreamWriter, data: bytes) -> None:
    if not writer.transport.is_closing():
        writer.write(data)
        await writer.drain()


def _end(writer: StreamWriter) -> None:
    writer.close()


def _reset(writer: StreamWriter) -> None:
    if not writer.transport.is_closing():
        end: socket.socket = writer.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
    writer.transport.abort()
