"""The queue of frames to one socket: frames that are pushed together are written together.

Frames are packed once for all sockets and bypass `ServerConnection.send`: one send for each frame
and each of 200 subscribers would cost more than the markets. A client that does not read fills its
transport's buffer up to a limit; Kraken was seen to queue 26 s of frames.
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
    """Frames for one client, which is closed with 1013 if more than `max_queued` bytes wait.

    Args:
        connection: The client's socket.
        active_faults: The faults of all connections.
        max_queued: The maximum of bytes that wait for the client.

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
        """Queue a frame, which is written in the next iteration of the event loop."""
        if not self._pushed:
            self._loop.call_soon(self._write)
        self._pushed.append(packed)

    def close(self) -> None:
        """Drop the delayed frames of a connection that has ended."""
        self._delayed.clear()
        self._delayed_bytes = 0

    async def drained(self) -> None:
        """Wait while more than a megabyte is queued and the connection is open."""
        # The transport reports a falling buffer only to websockets' own protocol.
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
            log.warning("closing a client that does not read", queued=self._queued())
            self._closing = asyncio.create_task(self._close())

    async def _close(self) -> None:
        # The close frame waits behind everything that the client has not read.
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.close(CloseCode.TRY_AGAIN_LATER, "too slow")
        except TimeoutError:
            self._connection.transport.abort()

    def _queued(self) -> int:
        return self._connection.transport.get_write_buffer_size() + self._delayed_bytes

    def _is_open(self) -> bool:
        return self._connection.state is State.OPEN and not self._connection.transport.is_closing()
