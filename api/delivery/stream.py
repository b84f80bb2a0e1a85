"""One open stream: carries what its reader is to be sent to its socket, in one write at a time.

What is in memory is written where the news of it comes, without a task that would wake up for it;
the coroutine is for what must be waited for: Redis, a socket that takes no more, the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from redis.exceptions import RedisError
from starlette.types import Send

from api.delivery.latency import observe_delay
from api.delivery.stream_socket import Socket
from api.metrics import BYTES_OUT, WRITES

KEEP_ALIVE_SECONDS = 15.0
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # A proxy that buffers would hold events back.
    (b"x-accel-buffering", b"no"),
]


class EventReader(Protocol):
    """What a stream carries: the events of one reader, as SSE."""

    @property
    def ring(self) -> Log:
        """Tells when there may be more."""

    async def next(self) -> bytes:
        """What is to be sent, empty where nothing is; raises redis.RedisError or OSError."""

    def ready(self) -> bytes | None:
        """What is to be sent of what is in memory; None where only `next` can tell."""


class Log(Protocol):
    """Where events come to; `symbol` says whose."""

    symbol: str

    def on_change(self, waker: Callable[[], None]) -> None:
        """Call `waker` once, at the next change."""

    def forget(self, waker: Callable[[], None]) -> None:
        """Do not call `waker`."""


class Stream:
    """A coroutine, a place in a ring, and a way to wake it; nothing else is kept per client."""

    def __init__(self, reader: EventReader, socket: Socket, send: Send) -> None:
        self._reader = reader
        self._socket = socket
        self._send = send
        self._waiting: asyncio.Future[None] | None = None
        self._full_since: float | None = None
        # What waited to be sent when it was looked at last.
        self._waited_bytes = 0
        self._caught_up = self._measuring = False
        self._written_at = monotonic()
        self._keep_alive_due = False
        self._ending = False
        self._has_probed = False
        socket.changed = self._on_socket

    @property
    def symbol(self) -> str:
        """Whose book it is."""
        return self._reader.ring.symbol

    async def run(self, opening: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Answer with `opening`, then with every event, until the client or the service leaves."""
        await self._send(
            {"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]}
        )
        # At once, so that proxies and clients open the stream.
        self._write(b": kraken-book\n\n" + opening)
        # No name holds what was written while the stream waits: with many readers it adds up.
        del opening
        while not (self._socket.gone or self._ending):
            if self._socket.is_full:
                await self._wait()
            elif not await self._write_next():
                await self._wait_for_more()
        if not self._socket.gone:
            self._write(farewell())
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def blocked_for(self, now: float) -> float:
        """For how many seconds, as far as is known, the client has taken nothing of a write."""
        if self._full_since is None:
            return 0.0
        waits, waited = self._socket.waiting_bytes, self._waited_bytes
        self._waited_bytes = waits
        if waits < waited:
            # A slow one takes long for a write, but is told what it misses when it is through.
            self._full_since = now
        return now - self._full_since

    def measure(self) -> None:
        """Let the delay of the next write of an event be counted, where it is one of now."""
        self._measuring = self._caught_up

    def keep_alive(self, now: float) -> None:
        """Send a comment if nothing was sent for long."""
        if now - self._written_at >= KEEP_ALIVE_SECONDS and self._full_since is None:
            self._keep_alive_due = True
            self._wake()

    def end(self) -> None:
        """Say farewell and close."""
        self._ending = True
        self._wake()

    def detach(self) -> None:
        """Leave the socket to others."""
        self._socket.changed = None

    def cut(self) -> None:
        """Close at once."""
        self._socket.cut()

    async def _write_next(self) -> bool:
        data = await self._next()
        if data:
            self._write(data)
            if self._measuring:
                self._measuring = not observe_delay(data)
        return bool(data)

    async def _next(self) -> bytes:
        try:
            data = await self._reader.next()
        except (RedisError, OSError):
            # What the ring does not have waits until Redis is back; the ring's next change tells.
            data = b""
        if not data and self._keep_alive_due:
            data = b": \n\n"
        self._keep_alive_due = False
        return data

    def _write(self, data: bytes) -> None:
        self._socket.write(data)
        self._written_at = monotonic()
        if self._socket.is_full:
            self._full_since = self._written_at
        WRITES.inc()
        BYTES_OUT.inc(len(data))

    async def _wait_for_more(self) -> None:
        self._caught_up = True
        log = self._reader.ring
        log.on_change(self._on_change)
        await self._wait()
        log.forget(self._on_change)

    async def _wait(self) -> None:
        if not (self._ending or self._socket.gone):
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def _on_change(self) -> None:
        """Write what came, here and now, as far as it is in memory and the socket takes it."""
        if self._waiting is None or self._waiting.done():
            return
        while not (self._measuring or self._socket.is_full):
            data = self._reader.ready()
            if data is None:
                break
            if not data:
                self._reader.ring.on_change(self._on_change)
                return
            self._write(data)
        self._wake()

    def _on_socket(self) -> None:
        if not self._socket.is_full:
            self._full_since = None
        if self._socket.is_half_closed and not self._has_probed:
            # The system of a client that is gone answers a write with a reset.
            self._has_probed = self._keep_alive_due = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def farewell() -> bytes:
    """Return the end of a stream whose client is to come back; not all come at once."""
    return b"retry: %d\n: going\n\n" % random.randint(500, 3000)
