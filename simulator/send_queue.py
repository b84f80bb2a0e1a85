"""The queue of frames to one socket, which writes all frames of an event loop iteration at once.

Frames are packed once for all sockets and bypass `ServerConnection.send`, which would pack them
again for each subscriber. The frames for a slow client fill its transport's buffer up to a limit.
The limit is high, because Kraken queues many seconds of frames too (docs/kraken-protocol.md).
"""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode
from websockets.protocol import State

from runtime.logs import get_logger
from simulator.faults.active import ActiveFaults
from simulator.faults.delay_line import DelayLine
from simulator.faults.kinds import LateFrames, Mute

log = get_logger(__name__)

MAX_QUEUED_BYTES = 64 * 1024 * 1024
_DRAINED_BYTES = 1024 * 1024
_POLL_SECONDS = 0.005
_CLOSE_SECONDS = 0.5


class SendQueue:
    """The frames for one client.

    Args:
        connection: The client's socket.
        active_faults: The faults of all connections.
        max_queued: The maximum of bytes to queue; if more wait, the connection is closed with 1013.

    """

    def __init__(
        self,
        connection: ServerConnection,
        active_faults: ActiveFaults,
        *,
        max_queued: int = MAX_QUEUED_BYTES,
    ) -> None:
        self._connection = connection
        self._active_faults = active_faults
        self._max_queued = max_queued
        self._pushed: list[bytes] = []
        self._delayed: DelayLine[bytes] = DelayLine(self._write_late)
        self._delayed_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None

    def push(self, packed: bytes) -> None:
        """Queue a frame; it is written in the next iteration of the event loop."""
        if not self._pushed:
            self._loop.call_soon(self._write)
        self._pushed.append(packed)

    def close(self) -> None:
        """Drop the delayed frames of a connection that has ended."""
        self._delayed.clear()
        self._delayed_bytes = 0

    def end(self, code: int, reason: str) -> None:
        """Close the connection after the queued frames; later ones are dropped."""
        if self._closing is None:
            self._write()
            self._closing = asyncio.create_task(self._close(code, reason))

    async def drained(self) -> None:
        """Wait while more than a megabyte is queued and the connection is open."""
        # Only websockets' own protocol is notified when the transport's buffer drains.
        while self._is_open() and self._queued() > _DRAINED_BYTES:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)

    def _write(self) -> None:
        frames, self._pushed = self._pushed, []
        if not self._is_open() or self._active_faults.get(Mute):
            return
        lag = self._active_faults.get(LateFrames)
        if lag or self._delayed:
            self._write_later(b"".join(frames), lag.delay if lag else 0.0)
        else:
            self._write_now(b"".join(frames))

    def _write_later(self, data: bytes, delay: float) -> None:
        self._delayed_bytes += len(data)
        self._delayed.put(data, delay)
        self._close_if_slow()

    def _write_late(self, data: bytes) -> None:
        self._delayed_bytes -= len(data)
        self._write_now(data)

    def _write_now(self, data: bytes) -> None:
        if self._is_open() and self._closing is None:
            self._connection.transport.write(data)
            self._close_if_slow()

    def _close_if_slow(self) -> None:
        if self._closing is None and self._queued() > self._max_queued:
            log.warning("client too slow, closing", queued_bytes=self._queued())
            self._closing = asyncio.create_task(self._close(CloseCode.TRY_AGAIN_LATER, "too slow"))

    async def _close(self, code: int, reason: str) -> None:
        # The close frame is sent only after all queued frames.
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.close(code, reason)
        except TimeoutError:
            self._connection.transport.abort()

    def _queued(self) -> int:
        return self._connection.transport.get_write_buffer_size() + self._delayed_bytes

    def _is_open(self) -> bool:
        return self._connection.state is State.OPEN and not self._connection.transport.is_closing()
