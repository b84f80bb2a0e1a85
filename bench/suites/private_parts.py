"""CPU time with each use of a library's undocumented parts, and with its public interface.

Both run in turns in this process. The feed, the Redis or the readers that they talk to are another
process. A use of undocumented parts that saves less than 5 % must go; `docs/adr/` has the decisions
from these figures.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from time import process_time

import uvloop
from redis.asyncio import Redis
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket
from websockets.frames import Frame, Opcode

from api.delivery.stream_socket import Socket, SocketProtocol, socket_of
from bench.report.rows import Goal, Row
from bench.suite import Progress, turns_at
from collector.venues.feed_socket import FeedSocket
from launcher.embedded_redis import EmbeddedRedis
from runtime.command_line import ENDED_OR_FAILED, OneLineParser
from runtime.http.server import allow_open_files, serve
from runtime.redis.client import connect_redis
from runtime.redis.exchange import Command

FRAME = Frame(Opcode.TEXT, b"x" * 205).serialize(mask=False)
FRAMES = 40_000
CALLS = 1_500
READERS, WRITES = 100, 300
EVENT = b"id: 1760000000000-123456\ndata: " + b"x" * 300 + b"\n\n"
SCRIPT = "return redis.call('XADD', KEYS[1], 'MAXLEN', 100, '*', 'data', ARGV[1])"

PAYS = Goal("at most", 0.95)

Way = Callable[[], Awaitable[float]]
"""A measurement: returns the CPU time of one unit of work, in microseconds."""


async def feed(listener: socket.socket) -> None:
    """Send FRAMES frames to each client, as fast as TCP takes them."""

    async def flood(websocket: ServerConnection) -> None:
        block = FRAME * 100
        for _ in range(FRAMES // 100):
            websocket.transport.write(block)
            if websocket.transport.get_write_buffer_size() > 2**20:
                await asyncio.sleep(0.001)
        await websocket.wait_closed()

    async with serve_websocket(flood, sock=listener, compression=None) as server:
        await server.serve_forever()


async def websockets_recv(port: int) -> float:
    """Receive the frames one by one."""
    async with connect(f"ws://127.0.0.1:{port}", compression=None) as websocket:
        began = process_time()
        for _ in range(FRAMES):
            await websocket.recv(decode=False)
        return (process_time() - began) / FRAMES * 1e6


async def websockets_read(port: int) -> float:
    """Receive all frames of one read together."""
    kind: type[ClientConnection] = FeedSocket
    url = f"ws://127.0.0.1:{port}"
    async with connect(url, compression=None, create_connection=kind) as websocket:
        assert isinstance(websocket, FeedSocket)
        began, count = process_time(), 0
        while count < FRAMES:
            count += len((await websocket.next_batch()).messages)
        return (process_time() - began) / FRAMES * 1e6


async def redis_pipeline(client: Redis, calls: int) -> float:
    """Send calls of a script with redis-py's pipeline."""
    digest = await client.script_load(SCRIPT)
    began = process_time()
    for _ in range(CALLS):
        pipeline = client.pipeline(transaction=False)
        for _ in range(calls):
            pipeline.evalsha(digest, 1, "stream", *["x" * 20] * 50)
        await pipeline.execute()
    return (process_time() - began) / CALLS * 1e6


async def redis_exchange(url: str, calls: int) -> float:
    """Send calls of a script with `RedisNode.exchange`."""
    client = connect_redis(url)
    digest = await client.script_load(SCRIPT)
    began = process_time()
    for _ in range(CALLS):
        call: Command = ("EVALSHA", digest, 1, "stream", *["x" * 20] * 50)
        await client.exchange([call] * calls)
    taken = (process_time() - began) / CALLS * 1e6
    await client.aclose()
    return taken


async def read_streams(port: int) -> None:
    """Open READERS streams, and read everything."""

    async def read() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while await reader.read(2**16):
            pass

    async with asyncio.TaskGroup() as readers:
        for _ in range(READERS):
            readers.create_task(read())


class Streams:
    """An application that streams events to READERS clients, one at a time."""

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
        """Write WRITES events to all clients, one at a time; return the CPU time of each write."""
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
    """Measure streams that write to their socket, or with ASGI's `send`."""
    listener, stop = socket.create_server(("127.0.0.1", 0)), asyncio.Event()
    app = Streams(bypass=bypass)
    serving = asyncio.create_task(serve(app, listener, stop, protocol=SocketProtocol))
    readers = _start("read", listener.getsockname()[1])
    taken = await app.measure()
    stop.set()
    await serving
    readers.terminate()
    readers.wait()
    return taken


def _start(what: str, port: int, *pass_fds: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.suites.private_parts", what, str(port)]
    return subprocess.Popen(command, pass_fds=pass_fds)


async def compare(what: str, turns: int, public: Way, private: Way) -> Row:
    """Return a row with the medians of both, and the median of the turns' ratios."""
    pairs = [(await private(), await public()) for _ in range(turns)]
    ours, theirs = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    ratio = statistics.median(mine / other for mine, other in pairs)
    return Row(
        what=what,
        ours=ours,
        unit="us",
        beside="public interface",
        theirs=theirs,
        ratio=ratio,
        goal=PAYS,
    )


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure each use of undocumented parts beside the public interface."""
    allow_open_files()
    yield from uvloop.run(_measure(turns_at(scale), progress))


async def _measure(turns: int, progress: Progress) -> list[Row]:
    progress.expect(3)
    rows = []
    with socket.create_server(("127.0.0.1", 0)) as listener, EmbeddedRedis() as server:
        port, url = listener.getsockname()[1], server.url
        feeding = _start("feed", listener.fileno(), listener.fileno())
        plain = Redis.from_url(url)
        try:
            progress("websockets")
            rows.append(
                await compare(
                    "a frame of 205 bytes, websockets",
                    turns,
                    lambda: websockets_recv(port),
                    lambda: websockets_read(port),
                )
            )
            progress("redis-py")
            rows += [
                await compare(
                    f"a flush of {calls} EVALSHA, redis-py",
                    turns,
                    partial(redis_pipeline, plain, calls),
                    partial(redis_exchange, url, calls),
                )
                for calls in (1, 20)
            ]
            progress("uvicorn")
            rows.append(
                await compare(
                    f"an event to one of {READERS} streams, uvicorn",
                    turns,
                    partial(stream, bypass=False),
                    partial(stream, bypass=True),
                )
            )
        finally:
            await plain.aclose()
            feeding.terminate()
            feeding.wait()
    return rows


def main() -> None:
    """Run the other process of a measurement."""
    parser = OneLineParser(
        "python -m bench.suites.private_parts",
        "The feed or the readers of the suite private_parts, which starts this process.",
        ENDED_OR_FAILED,
    )
    add = parser.add_argument
    add("role", choices=["feed", "read"], help="feed: send frames; read: read streams")
    add("number", type=int, help="the descriptor of the feed's socket, or the port of the streams")
    given = parser.parse_args()
    if given.role == "feed":
        uvloop.run(feed(socket.socket(fileno=given.number)))
    else:
        uvloop.run(read_streams(given.number))


if __name__ == "__main__":
    main()
