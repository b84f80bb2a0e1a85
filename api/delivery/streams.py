"""Keep all open streams of this process: their keep-alives, deadlines and ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from time import monotonic

from api.delivery.latency import MEASURED_PER_SECOND
from api.delivery.stream import Stream, StreamState
from api.store.errors import ReplicaFull
from api.store.metrics import CUT_OFF, READERS, STREAMS
from runtime.logs import get_logger

log = get_logger(__name__)

WATCH_INTERVAL = 1.0


class Streams:
    """The open streams of this process.

    Args:
        write_timeout: Seconds after which a client that reads nothing is cut off.
        max_streams: The most streams; None for no bound.
    """

    def __init__(self, write_timeout: float, max_streams: int | None = None) -> None:
        self._write_timeout = write_timeout
        self._max_streams = max_streams
        self._streams: dict[Stream, Callable[[], bool]] = {}
        self._none = asyncio.Event()
        self._none.set()
        self.is_draining = False

    @property
    def count(self) -> int:
        """The number of open streams."""
        return len(self._streams)

    def check_room(self) -> None:
        """Raise ReplicaFull if there is no room for another stream."""
        if self._max_streams is not None and len(self._streams) >= self._max_streams:
            raise ReplicaFull(self._max_streams)

    def add(self, stream: Stream, is_permitted: Callable[[], bool]) -> None:
        """Add a new stream; end it if the replica is draining.

        Args:
            stream: The stream.
            is_permitted: Returns whether its client may still read it; if not, it ends within
                `WATCH_INTERVAL`.
        """
        self._streams[stream] = is_permitted
        self._none.clear()
        STREAMS.inc()
        READERS.set(len(self._streams))
        if self.is_draining:
            # An EventSource reconnects after a farewell, but never after an error.
            stream.end()

    def remove(self, stream: Stream) -> None:
        """Remove a stream that has ended."""
        self._streams.pop(stream, None)
        READERS.set(len(self._streams))
        if not self._streams:
            self._none.set()

    async def run(self) -> None:
        """Send keep-alives, cut off clients that do not read, and end streams without permission.

        It runs until the task is cancelled.
        """
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            now = monotonic()
            streams = list(self._streams)
            for stream in random.sample(streams, min(len(streams), MEASURED_PER_SECOND)):
                stream.measure()
            for stream in streams:
                if stream.blocked_for(now) > self._write_timeout:
                    CUT_OFF.inc()
                    log.warning("reader stalled, cut off", symbol=stream.symbol)
                    stream.abort()
                elif stream.state is StreamState.ENDING:
                    # Its client has yet to read the rest.
                    continue
                elif not self._streams[stream]():
                    log.info("stream ended, its key does not permit it", symbol=stream.symbol)
                    stream.end()
                else:
                    stream.keep_alive(now)

    async def drain(self, seconds: float) -> None:
        """End every stream; abort those that have not ended after `seconds`."""
        self.is_draining = True
        for stream in list(self._streams):
            stream.end()
        try:
            async with asyncio.timeout(seconds):
                await self._none.wait()
        except TimeoutError:
            for stream in list(self._streams):
                stream.abort()
