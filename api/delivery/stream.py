"""One open stream: writes what its cursor has to its socket.

Events in memory are written as soon as their log changes, without waking a task. The coroutine
waits for the rest: Redis, a full socket, the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from enum import Enum
from time import monotonic
from typing import Protocol

from redis.exceptions import RedisError
from starlette.types import Send

from api.delivery.latency import observe_latency
from api.delivery.stream_socket import Socket
from api.store.metrics import BYTES_OUT, WRITES
from runtime.logs import get_logger

log = get_logger(__name__)

KEEP_ALIVE_INTERVAL = 15.0
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # A proxy that buffers would hold events back.
    (b"x-accel-buffering", b"no"),
]


class StreamState(Enum):
    """State of a stream."""

    WRITING = "writing"
    """Its coroutine asks the cursor for more, and writes it."""
    WAITING = "waiting"
    """It waits for events; `_on_change` writes them."""
    BLOCKED = "blocked"
    """It waits until the socket takes more."""
    ENDING = "ending"
    """It was asked to end, and says so to its client."""
    ENDED = "ended"
    """It has ended, or its client is gone."""


class ChangeSource(Protocol):
    """A log of events of `symbol`, or of `*` for many."""

    symbol: str

    def on_change(self, waker: Callable[[], None]) -> None:
        """Call `waker` once, at the next change."""

    def forget(self, waker: Callable[[], None]) -> None:
        """Do not call `waker`."""


class EventReader(Protocol):
    """Source of a stream: a cursor, or a reader that waits until it can have one."""

    @property
    def log(self) -> ChangeSource:
        """Return what tells when there may be more."""

    async def next(self) -> bytes:
        """Return what is to be sent, empty if nothing is; raise redis.RedisError or OSError."""

    def ready(self) -> bytes | None:
        """Return what is in memory to be sent; None if only `next` can tell."""


class Stream:
    """A coroutine, a cursor, and a way to wake it; nothing else is kept per client."""

    def __init__(self, reader: EventReader, socket: Socket, send: Send) -> None:
        self.state = StreamState.ENDED if socket.gone else StreamState.WRITING
        self._reader = reader
        self._socket = socket
        self._send = send
        # Pending while the stream is WAITING or BLOCKED.
        self._wakened: asyncio.Future[None] | None = None
        # Since when the client takes nothing, and how much waited for it at the last look.
        self._full_since: float | None = None
        self._waiting_bytes = 0
        self._written_at = monotonic()
        self._is_keep_alive_due = False
        self._has_probed = False
        self._has_caught_up = False
        self._measures_next = False
        socket.attach(self)

    @property
    def symbol(self) -> str:
        """Return whose book it is, `*` of many."""
        return self._reader.log.symbol

    async def run(self, opening: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Send `opening`, then every event until the client leaves or the stream is to end."""
        try:
            await self._send(
                {"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]}
            )
            # At once, so that proxies and clients open the stream.
            self._write(b": kraken-book\n\n" + opening)
            # Otherwise every stream would hold its opening as long as it lasts.
            del opening
            while self.state is StreamState.WRITING:
                if self._socket.is_full:
                    await self._wait(StreamState.BLOCKED)
                elif not await self._write_next():
                    await self._wait_for_events()
            if self.state is StreamState.ENDING:
                self._write(farewell())
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._move(StreamState.ENDED)

    def blocked_for(self, now: float) -> float:
        """Return for how many seconds, as far as is known, the client has taken nothing."""
        if self._full_since is None:
            return 0.0
        waiting, before = self._socket.waiting_bytes, self._waiting_bytes
        self._waiting_bytes = waiting
        if waiting < before:
            # A slow client takes long for a write; what it misses meanwhile is sent as `lagged`.
            self._full_since = now
        return now - self._full_since

    def measure(self) -> None:
        """Count the latency of the next event, unless the stream has not caught up yet."""
        self._measures_next = self._has_caught_up

    def keep_alive(self, now: float) -> None:
        """Send a comment if nothing was sent for long."""
        if now - self._written_at >= KEEP_ALIVE_INTERVAL and self._full_since is None:
            self._is_keep_alive_due = True
            self._wake()

    def end(self) -> None:
        """Say farewell and close."""
        self._move(StreamState.ENDING)

    def abort(self) -> None:
        """Close the connection at once."""
        self._socket.cut()

    def detach(self) -> None:
        """Leave the socket to the next request."""
        self._socket.detach()

    def socket_changed(self) -> None:
        """Note that the socket is gone, half-closed, or takes more."""
        if self._socket.gone:
            self._move(StreamState.ENDED)
            return
        if not self._socket.is_full:
            self._full_since = None
        if self._socket.is_half_closed and not self._has_probed:
            # If the client is gone, its system answers a write with a reset.
            self._has_probed = self._is_keep_alive_due = True
        self._wake()

    async def _write_next(self) -> bool:
        """Write what the cursor has; return whether it had anything."""
        try:
            data = await self._reader.next()
        except (RedisError, OSError):
            # What only Redis has waits until it is back; the next change of the log tells.
            data = b""
        is_event = bool(data)
        if not data and self._is_keep_alive_due:
            data = b": \n\n"
        self._is_keep_alive_due = False
        if data:
            self._write(data)
        if is_event and self._measures_next:
            self._measures_next = not observe_latency(data)
        return bool(data)

    def _write(self, data: bytes) -> None:
        self._socket.write(data)
        self._written_at = monotonic()
        if self._socket.is_full:
            self._full_since = self._written_at
        WRITES.inc()
        BYTES_OUT.inc(len(data))

    async def _wait_for_events(self) -> None:
        self._has_caught_up = True
        events = self._reader.log
        events.on_change(self._on_change)
        await self._wait(StreamState.WAITING)
        events.forget(self._on_change)

    async def _wait(self, state: StreamState) -> None:
        """Be in `state` until there is something to do."""
        self._move(state)
        if self.state is state:
            self._wakened = asyncio.get_running_loop().create_future()
            await self._wakened

    def _on_change(self) -> None:
        """Write what came, as far as it is in memory and the socket takes it."""
        if self.state is not StreamState.WAITING:
            return
        while not (self._measures_next or self._socket.is_full):
            data = self._reader.ready()
            if data is None:
                break
            if not data:
                self._reader.log.on_change(self._on_change)
                return
            self._write(data)
        self._wake()

    def _wake(self) -> None:
        if self.state in (StreamState.WAITING, StreamState.BLOCKED):
            self._move(StreamState.WRITING)

    def _move(self, state: StreamState) -> None:
        """Change the state, and wake the coroutine if it waited; an end is final."""
        if self.state is StreamState.ENDED or state is self.state:
            return
        if self.state is StreamState.ENDING and state is not StreamState.ENDED:
            return
        self.state = state
        if state not in (StreamState.WAITING, StreamState.WRITING):
            log.debug("stream moved", symbol=self.symbol, state=state.value)
        wakened, self._wakened = self._wakened, None
        if wakened is not None and not wakened.done():
            wakened.set_result(None)


def farewell() -> bytes:
    """Return the end of a stream whose client is to come back, at a random time."""
    return b"retry: %d\n: going\n\n" % random.randint(500, 3000)
