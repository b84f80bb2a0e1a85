"""A server with limits, and a client that sends raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from prometheus_client import REGISTRY
from starlette.types import Receive, Scope, Send

from lab.waiting import DEADLINE, async_wait_until
from runtime.http.limits import HttpLimits
from runtime.http.protocol import HttpProtocol
from runtime.http.server import listen, serve
from runtime.service import end_tasks

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BIG_BYTES = 8_000_000

TICK = 0.01
SHORT_LIMITS = HttpLimits(
    head_seconds=0.4,
    idle_seconds=0.4,
    write_seconds=0.4,
    ending_seconds=0.4,
    sweep_seconds=0.05,
)


class TickingClock:
    """A clock that ticks with its event loop, so it stops while the loop cannot run.

    A client of the same loop cannot send anything meanwhile, and must not miss a deadline.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        return self._now

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            before = monotonic()
            await asyncio.sleep(TICK)
            self._now += min(monotonic() - before, 2 * TICK)


def open_connections() -> float:
    """Return the number of open connections of this process's servers."""
    return REGISTRY.get_sample_value("kraken_book_http_connections") or 0.0


class App:
    """An application with answers of known and unknown length; `/slow` waits for `may_answer`."""

    def __init__(self) -> None:
        self.clients: list[object] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.clients.append(scope["client"][0])
        path, headers, body = scope["path"], [], b"hello"
        if path == "/slow":
            await self.may_answer.wait()
        if path == "/big":
            body = bytes(BIG_BYTES)
        if path != "/unframed":
            headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[:2], "more_body": True})
        await send({"type": "http.response.body", "body": body[2:]})


class RawClient:
    """A client that sends and reads raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def end(self) -> None:
        self.writer.write_eof()

    async def read_answer(self) -> tuple[bytes, bytes]:
        """Return head and body of an answer with a content-length."""
        async with asyncio.timeout(DEADLINE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return head, await self.reader.readexactly(length)

    async def read_rest(self) -> bytes:
        """Return all bytes until the server closes the connection."""
        async with asyncio.timeout(DEADLINE):
            parts = []
            with contextlib.suppress(ConnectionError):
                while part := await self.reader.read(65536):
                    parts.append(part)
            return b"".join(parts)

    async def dribble(self, data: bytes) -> bytes:
        """Send `data` repeatedly until the server closes; return all bytes that it sent."""
        deadline = monotonic() + DEADLINE
        reading = asyncio.create_task(self.read_rest())
        while not reading.done():
            assert monotonic() < deadline, "the server does not close the connection"
            if data:
                with contextlib.suppress(ConnectionError):
                    await self.send(data)
            await asyncio.wait({reading}, timeout=0.05)
        return reading.result()

    def reset(self) -> None:
        """Reset the connection, as the end of a process with unread bytes does."""
        sock = self.writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        socket.socket(fileno=socket.dup(sock.fileno())).setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, linger
        )
        self.writer.transport.abort()


class RunningServer:
    """A running server of this process and its clients."""

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self.port = port
        self._before = open_connections()
        self._clients: list[RawClient] = []

    async def connect(self, receive_buffer: int | None = None) -> RawClient:
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        client = RawClient(*await asyncio.open_connection(sock=sock, limit=2**17))
        self._clients.append(client)
        return client

    async def ask(self, data: bytes) -> bytes:
        """Send `data` on a new connection; return all bytes until the server closes."""
        client = await self.connect()
        await client.send(data)
        return await client.read_rest()

    def open_connections(self) -> float:
        return open_connections() - self._before

    async def wait_until_all_closed(self) -> None:
        await async_wait_until(lambda: self.open_connections() == 0, "all connections are closed")

    def close(self) -> None:
        for client in self._clients:
            client.writer.close()


@asynccontextmanager
async def served(
    limits: HttpLimits | None = None, protocol: type[HttpProtocol] = HttpProtocol
) -> AsyncIterator[RunningServer]:
    """Run a server of `App`; yield it with its clients."""
    listener, stop, app = listen("127.0.0.1", 0, "port"), asyncio.Event(), App()
    server = RunningServer(app, listener.getsockname()[1])
    clock = TickingClock()
    ticking = asyncio.create_task(clock.run())
    running = asyncio.create_task(
        serve(app, listener, stop, protocol=protocol, limits=limits, clock=clock)
    )
    try:
        yield server
        assert not running.done()
    finally:
        server.close()
        app.may_answer.set()
        stop.set()
        await asyncio.wait({running}, timeout=DEADLINE)
        await end_tasks([running, ticking])
