"""CPU time with each use of a library's undocumented parts, and by the library's public way.

The two ways of each pair run in turns in this process; what they talk to (a feed, a Redis, readers)
has a process of its own. `docs/adr/` has what was decided by these figures.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from statistics import median
from time import process_time

import uvloop
from redis.asyncio import Redis
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect

from api.delivery.stream_socket import Socket, SocketProtocol, socket_of
from bench.load.raw_clients import FRAMES, READERS, start_client
from bench.report.rows import Row
from bench.suite import Progress
from collector.venues.kraken.feed_socket import FeedSocket
from launcher.embedded_redis import EmbeddedRedis
from runtime.http.server import serve
from runtime.redis.client import connect_redis
from runtime.redis.exchange import Command

CALLS = 1_500
WRITES = 300
ROUNDS = 5
EVENT = b"id: 1760000000000-123456\ndata: " + b"x" * 300 + b"\n\n"
SCRIPT = "return redis.call('XADD', KEYS[1], 'MAXLEN', 100, '*', 'data', ARGV[1])"

Way = Callable[[], Awaitable[float]]
"""Return the CPU time of one unit of work, in microseconds."""


async def websockets_recv(port: int) -> float:
    """Receive message by message."""
    async with connect(f"ws://127.0.0.1:{port}", compression=None) as websocket:
        began = process_time()
        for _ in range(FRAMES):
            await websocket.recv(decode=False)
        return (process_time() - began) / FRAMES * 1e6


async def websockets_read(port: int) -> float:
    """Receive all that came together."""
    kind: type[ClientConnection] = FeedSocket
    url = f"ws://127.0.0.1:{port}"
    async with connect(url, compression=None, create_connection=kind) as websocket:
        assert isinstance(websocket, FeedSocket)
        began, count = process_time(), 0
        while count < FRAMES:
            count += len((await websocket.read()).messages)
        return (process_time() - began) / FRAMES * 1e6


async def redis_pipeline(client: Redis, calls: int) -> float:
    """Send calls of a script by redis-py's pipeline."""
    digest = await client.script_load(SCRIPT)
    began = process_time()
    for _ in range(CALLS):
        pipeline = client.pipeline(transaction=False)
        for _ in range(calls):
            pipeline.evalsha(digest, 1, "stream", *["x" * 20] * 50)
        await pipeline.execute()
    return (process_time() - began) / CALLS * 1e6


async def redis_exchange(url: str, calls: int) -> float:
    """Send the same by `RedisNode.exchange`."""
    client = connect_redis(url)
    digest = await client.script_load(SCRIPT)
    began = process_time()
    for _ in range(CALLS):
        call: Command = ("EVALSHA", digest, 1, "stream", *["x" * 20] * 50)
        await client.exchange([call] * calls)
    taken = (process_time() - began) / CALLS * 1e6
    await client.aclose()
    return taken


class StreamingApp:
    """An application that streams one event after the other to READERS clients."""

    def __init__(self, *, bypass: bool) -> None:
        self._bypass = bypass
        self._written = 0
        self._joined = 0
        self._sockets: list[Socket] = []
        self._done = asyncio.Event()
        self._all_joined = asyncio.Event()
        self._next = asyncio.Event()
        self._target = 0
        self._all_written = asyncio.Event()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Stream."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self._joined += 1
        if self._joined == READERS:
            self._all_joined.set()
        client = socket_of(scope) if self._bypass else None
        if client is not None:
            self._sockets.append(client)
            await self._done.wait()
        else:
            for _ in range(WRITES):
                await self._next.wait()
                await send({"type": "http.response.body", "body": EVENT, "more_body": True})
                self._written += 1
                if self._written == self._target:
                    self._all_written.set()
        await send({"type": "http.response.body", "body": b""})

    async def measure(self) -> float:
        """Write WRITES events to all, one at a time; return CPU time for each and client."""
        await self._all_joined.wait()
        began = process_time()
        for number in range(1, WRITES + 1):
            if self._bypass:
                for client in self._sockets:
                    client.write(EVENT)
                await asyncio.sleep(0)
            else:
                self._target = number * READERS
                self._next.set()
                self._next = asyncio.Event()
                await self._all_written.wait()
                self._all_written.clear()
        taken = (process_time() - began) / (WRITES * READERS) * 1e6
        self._done.set()
        return taken


async def stream(*, bypass: bool) -> float:
    """Measure streams that write to their socket, or by ASGI's `send`."""
    listener, stop = socket.create_server(("127.0.0.1", 0)), asyncio.Event()
    app = StreamingApp(bypass=bypass)
    serving = asyncio.create_task(serve(app, listener, stop, protocol=SocketProtocol))
    readers = start_client("read", listener.getsockname()[1])
    taken = await app.measure()
    stop.set()
    await serving
    readers.terminate()
    readers.wait()
    return taken


async def compare(name: str, rounds: int, public: Way, private: Way, progress: Progress) -> Row:
    """Return a row with the medians of `rounds` turns of each way."""
    progress(name)
    figures: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for figure, way in zip(figures, (public, private), strict=True):
            figure.append(await way())
    before, after = map(median, figures)
    return Row(
        what=name,
        ours=after,
        unit="us",
        beside="the public way",
        theirs=before,
        ratio=after / before,
        note="; ".join(" ".join(f"{each:.1f}" for each in figure) for figure in figures),
    )


async def compare_all(rounds: int, progress: Progress) -> list[Row]:
    """Compare all pairs, one after another."""
    progress.expect(4)
    rows = []
    with socket.create_server(("127.0.0.1", 0)) as listener, EmbeddedRedis() as server:
        port = listener.getsockname()[1]
        feeding = start_client("feed", listener.fileno(), listener.fileno())
        plain = Redis.from_url(server.url)
        try:
            rows.append(
                await compare(
                    "a frame of websockets, 205 bytes",
                    rounds,
                    lambda: websockets_recv(port),
                    lambda: websockets_read(port),
                    progress,
                )
            )
            for calls in (1, 20):
                row = await compare(
                    f"a flush of {calls} EVALSHA with 50 arguments",
                    rounds,
                    lambda calls=calls: redis_pipeline(plain, calls),  # type: ignore[misc]
                    lambda calls=calls: redis_exchange(server.url, calls),  # type: ignore[misc]
                    progress,
                )
                rows.append(row)
            rows.append(
                await compare(
                    f"an event to one of {READERS} streams",
                    rounds,
                    lambda: stream(bypass=False),
                    lambda: stream(bypass=True),
                    progress,
                )
            )
        finally:
            await plain.aclose()
            feeding.terminate()
            feeding.wait()
    return rows


def measure(scale: float, progress: Progress) -> list[Row]:
    """Measure each pair in turns."""
    return uvloop.run(compare_all(max(1, round(ROUNDS * scale)), progress))
