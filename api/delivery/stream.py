"""One open stream: write the data of its cursor to its socket.

Events in memory are written as soon as their log changes, without waking a task. Only reads from
Redis, a full socket and the end of the stream need the coroutine.
"""

from __future__ import annotations

import asyncio
import random
from enum import Enum
from time import monotonic
from typing import Protocol

from redis.exceptions import RedisError
from starlette.types import Send

from api.delivery.latency import observe_latency
from api.delivery.stream_socket import Socket
from api.follow.event_log import Waker, Write
from api.store.metrics import BYTES_OUT, WRITES
from api.store.trace import is_tracing, trace_written
from runtime.logs import get_logger

log = get_logger(__name__)

_writes, _bytes_out = WRITES.total, BYTES_OUT.total

KEEP_ALIVE_INTERVAL = 15.0
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # nginx buffers responses otherwise, which delays events.
    (b"x-accel-buffering", b"no"),
]


class StreamState(Enum):
    """State of a stream."""

    WRITING = "writing"
    """The coroutine writes the data of the cursor."""
    WAITING = "waiting"
    """The coroutine waits; `_on_change` writes new events."""
    BLOCKED = "blocked"
    """The coroutine waits until the socket can take more."""
    ENDING = "ending"
    """`end` was called; the coroutine writes the farewell."""
    ENDED = "ended"
    """The stream has ended, or its client has left."""


class ChangeSource(Protocol):
    """Calls wakers when there may be more events of `symbol`, which is `*` for many.

    `changed_at` is the steady time of the last change.
    """

    symbol: str
    changed_at: float

    def on_change(self, waker: Waker) -> None:
        """Call `waker` at the next change, and at each one after that while it returns True."""

    def forget(self, waker: Waker) -> None:
        """Remove `waker`, so that it is not called."""


class EventReader(Protocol):
    """The source of a stream's data: a cursor, or a reader that does not have one yet."""

    @property
    def log(self) -> ChangeSource:
        """Return the log that wakes the stream."""

    async def next(self) -> bytes:
        """Return the next data, empty if there is none; raise redis.RedisError or OSError."""

    def ready(self) -> Write | None:
        """Return the next events in memory, possibly none; None if `next` is needed."""


class Stream:
    """One client's stream.

    Args:
        reader: The source of the data.
        socket: The client's socket.
        send: The ASGI `send` of the request, for the head and the end of the response.
    """

    def __init__(self, reader: EventReader, socket: Socket, send: Send) -> None:
        self.state = StreamState.ENDED if socket.is_gone else StreamState.WRITING
        self._reader = reader
        self._socket = socket
        self._send = send
        # Pending while the stream is WAITING or BLOCKED.
        self._wakened: asyncio.Future[None] | None = None
        # The time since which the socket is full, and the unsent bytes at the last check.
        self._full_since: float | None = None
        self._waiting_bytes = 0
        self._written_at = monotonic()
        self._is_keep_alive_due = False
        self._has_probed = False
        self._has_caught_up = False
        self._measures_next = False
        self._traces = is_tracing()
        socket.attach(self)

    @property
    def symbol(self) -> str:
        """Return the symbol of the stream, `*` for many."""
        return self._reader.log.symbol

    async def run(self, opening: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Send `opening`, then every event until the client leaves or `end` is called."""
        try:
            await self._send(
                {"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]}
            )
            # A first byte, even without an opening, makes proxies and clients open the stream.
            self._write(b": kraken-book\n\n" + opening)
            # Otherwise the stream would hold its opening until it ends.
            del opening
            while self.state is StreamState.WRITING:
                if self._socket.is_full:
                    # What it gets late by its own fault is not measured.
                    self._has_caught_up = self._measures_next = False
                    await self._wait(StreamState.BLOCKED)
                elif not await self._write_next():
                    await self._wait_for_events()
            if self.state is StreamState.ENDING:
                self._write(farewell())
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._move(StreamState.ENDED)

    def blocked_for(self, now: float) -> float:
        """Return the seconds for which the client has read nothing, as far as is known."""
        if self._full_since is None:
            return 0.0
        waiting, before = self._socket.waiting_bytes, self._waiting_bytes
        self._waiting_bytes = waiting
        if waiting < before:
            # The client reads, if slowly. It is not cut off, but may get `lagged`.
            self._full_since = now
        return now - self._full_since

    def measure(self) -> None:
        """Measure the latency of the next event if the stream has caught up."""
        self._measures_next = self._has_caught_up

    def keep_alive(self, now: float) -> None:
        """Send a comment if nothing was sent for `KEEP_ALIVE_INTERVAL`."""
        if now - self._written_at >= KEEP_ALIVE_INTERVAL and self._full_since is None:
            self._is_keep_alive_due = True
            self._wake()

    def end(self) -> None:
        """Send the farewell and close."""
        self._move(StreamState.ENDING)

    def abort(self) -> None:
        """Close the connection at once."""
        self._socket.cut()

    def detach(self) -> None:
        """Release the socket for the next request."""
        self._socket.detach()

    def socket_changed(self) -> None:
        """Handle that the socket was closed, half-closed, or can take more."""
        if self._socket.is_gone:
            self._move(StreamState.ENDED)
            return
        if not self._socket.is_full:
            self._full_since = None
        if self._socket.is_half_closed and not self._has_probed:
            # If the client has left, its system answers a write with a reset.
            self._has_probed = self._is_keep_alive_due = True
        self._wake()

    async def _write_next(self) -> bool:
        """Write the next data of the cursor or a keep-alive; return whether there was any."""
        changed_at = self._reader.log.changed_at
        try:
            data = await self._reader.next()
        except (RedisError, OSError):
            # Tried again at the next change of the log.
            data = b""
        is_event = bool(data)
        if not data and self._is_keep_alive_due:
            data = b": \n\n"
        self._is_keep_alive_due = False
        if data:
            self._write(data)
        if is_event and self._measures_next:
            self._measures_next = not observe_latency(data, self.symbol, changed_at)
        return bool(data)

    def _write(self, data: bytes) -> None:
        self._socket.write(data)
        self._written_at = monotonic()
        if self._socket.is_full:
            self._full_since = self._written_at
        if self._traces:
            trace_written(self.symbol, data)
        _writes.value += 1
        _bytes_out.value += len(data)

    async def _wait_for_events(self) -> None:
        self._has_caught_up = True
        events = self._reader.log
        events.on_change(self._on_change)
        await self._wait(StreamState.WAITING)
        events.forget(self._on_change)

    async def _wait(self, state: StreamState) -> None:
        """Wait in `state` until the stream is woken."""
        self._move(state)
        if self.state is state:
            self._wakened = asyncio.get_running_loop().create_future()
            await self._wakened

    def _on_change(self) -> bool:
        """Write new events that are in memory, until the socket is full.

        Returns:
            Whether to call this at the next change too.
        """
        if self.state is not StreamState.WAITING:
            return False
        while not (self._measures_next or self._socket.is_full):
            ready = self._reader.ready()
            if ready is None:
                break
            if ready.data:
                self._write(ready.data)
            if ready.is_last and not self._socket.is_full:
                return True
        self._wake()
        return False

    def _wake(self) -> None:
        if self.state in (StreamState.WAITING, StreamState.BLOCKED):
            self._move(StreamState.WRITING)

    def _move(self, state: StreamState) -> None:
        """Change the state, and wake the coroutine if it waits; an end is final."""
        if self.state is StreamState.ENDED or state is self.state:
            return
        if self.state is StreamState.ENDING and state is not StreamState.ENDED:
            return
        self.state = state
        if state not in (StreamState.WAITING, StreamState.WRITING):
            log.debug("stream state changed", symbol=self.symbol, state=state.value)
        wakened, self._wakened = self._wakened, None
        if wakened is not None and not wakened.done():
            wakened.set_result(None)


def farewell() -> bytes:
    """Return the end of a stream: a random time for the client to reconnect, and a comment."""
    return b"retry: %d\n: closing\n\n" % random.randint(500, 3000)
