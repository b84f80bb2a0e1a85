"""The queue of frames to one socket: what is pushed together is written together.

Frames go past `Connection.send`, packed once for all sockets: a send of its own for each frame and
each of 200 subscribers would cost more than the markets. A client that does not read fills its
socket's buffer and nothing else, up to a bound; Kraken was seen to queue 26 s of frames.
"""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode
from websockets.protocol import State

from runtime.logs import get_logger
from simulator.conditions import Conditions
from simulator.delay_line import DelayLine
from simulator.faults import Lag, Mute

log = get_logger(__name__)

MAX_QUEUED_BYTES = 64 * 1024 * 1024
_GOOD_DEAL_BYTES = 1024 * 1024
_POLL_SECONDS = 0.005
_CLOSE_SECONDS = 0.5


class Outbox:
    """Frames for one client; one that lets `max_queued` bytes pile up is closed with 1013.

    Args:
        connection: The client's socket.
        conditions: What is wrong on all connections.
        max_queued: Bytes that may wait for the client.

    """

    def __init__(
        self,
        connection: ServerConnection,
        conditions: Conditions,
        *,
        max_queued: int = MAX_QUEUED_BYTES,
    ) -> None:
        self._connection = connection
        self._conditions = conditions
        self._max_queued = max_queued
        self._pushed: list[bytes] = []
        self._lagging: DelayLine[bytes] = DelayLine(self._write_late)
        self._lagging_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None

    def push(self, packed: bytes) -> None:
        """Queue a frame; it is written when the loop has its next turn."""
        if not self._pushed:
            self._loop.call_soon(self._write)
        self._pushed.append(packed)

    def close(self) -> None:
        """Write nothing more: the connection has ended."""
        self._lagging.clear()
        self._lagging_bytes = 0

    async def drained(self) -> None:
        """Wait while a megabyte or more is queued and the client may still take it."""
        # The transport tells when its buffer falls only to the protocol, which is not ours.
        while self._is_open() and self._queued() > _GOOD_DEAL_BYTES:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)

    def _write(self) -> None:
        frames, self._pushed = self._pushed, []
        if not self._is_open() or self._conditions.get(Mute):
            return
        lag = self._conditions.get(Lag)
        if lag or self._lagging:
            self._write_later(b"".join(frames), lag.delay if lag else 0.0)
        else:
            self._write_now(b"".join(frames))

    def _write_later(self, data: bytes, delay: float) -> None:
        self._lagging_bytes += len(data)
        self._lagging.put(data, delay)
        self._bound()

    def _write_late(self, data: bytes) -> None:
        self._lagging_bytes -= len(data)
        self._write_now(data)

    def _write_now(self, data: bytes) -> None:
        if self._is_open() and self._closing is None:
            self._connection.transport.write(data)
            self._bound()

    def _bound(self) -> None:
        if self._closing is None and self._queued() > self._max_queued:
            log.warning("closing a client that does not read", queued=self._queued())
            self._closing = asyncio.create_task(self._close())

    async def _close(self) -> None:
        # The closing handshake waits behind all that the client has not read.
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.close(CloseCode.TRY_AGAIN_LATER, "too slow")
        except TimeoutError:
            self._connection.transport.abort()

    def _queued(self) -> int:
        return self._connection.transport.get_write_buffer_size() + self._lagging_bytes

    def _is_open(self) -> bool:
        return self._connection.state is State.OPEN and not self._connection.transport.is_closing()
