"""The tape of one connection: the event loop appends to the queue, and does nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time_ns as now_ns

from collector.metrics import TAPE_DROPPED
from collector.tape.lines import closed_line, dropped_line, opened_line, sent_line
from collector.tape.tape_queue import TapeEntry, TapeQueue
from kraken_book import __version__
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

log = get_logger("collector.tape")


class ConnectionTape:
    """Notes the frames of one connection, and counts those for which the queue has no room.

    Args:
        name: The name of the connection.
        url: The address of the venue; the tape has it without secrets.
        queue: The queue of the tape.
        limited_log: Logs drops, with a limit that all connections share.
        clock: Returns Unix nanoseconds.

    Attributes:
        dropped_frames: The frames for which there was no room.
    """

    def __init__(
        self,
        name: str,
        url: str,
        queue: TapeQueue,
        limited_log: LimitedLog | None = None,
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self._name = name
        self._url = url
        self._queue = queue
        self._log = limited_log or LimitedLog(log)
        self._clock = clock
        self.dropped_frames = 0
        # Those without a line that says so.
        self._missing_frames = 0
        self._missing_bytes = 0

    def on_opened(self, time_ns: int) -> None:
        """Note that the connection was opened, at a time in Unix nanoseconds."""
        self._append_line(time_ns, opened_line(time_ns, self._url, self._name, __version__))

    def on_closed(self, reason: str) -> None:
        """Note that the connection has ended, for one of a bounded set of reasons."""
        now = self._clock()
        self._append_line(now, closed_line(now, reason))

    def on_received(self, time_ns: int, frames: Sequence[bytes]) -> None:
        """Note frames that were read together; the list must not change afterwards.

        Args:
            time_ns: The time of the read, Unix nanoseconds.
            frames: The frames in order.
        """
        self._append(TapeEntry(self._name, time_ns, frames), frames)

    def on_sent(self, frame: bytes) -> None:
        """Note a frame that is about to be sent."""
        now = self._clock()
        self._append(TapeEntry(self._name, now, (), sent_line(now, frame)), (frame,))

    def _append(self, entry: TapeEntry, frames: Sequence[bytes]) -> None:
        """Append an entry of these frames if there is room, else count the frames."""
        size = entry.size
        if self._queue.is_closed:
            return
        if not self._queue.has_room(size):
            self._drop(frames)
            return
        self._note_drops(entry.time_ns)
        self._queue.append(entry, size)

    def _append_line(self, time_ns: int, line: bytes) -> None:
        self._note_drops(time_ns)
        entry = TapeEntry(self._name, time_ns, (), line)
        self._queue.append(entry, entry.size)

    def _drop(self, frames: Sequence[bytes]) -> None:
        self.dropped_frames += len(frames)
        self._missing_frames += len(frames)
        self._missing_bytes += sum(map(len, frames))
        TAPE_DROPPED.inc(len(frames))
        self._log.warning(
            "tape too slow, frames dropped",
            name=self._name,
            frames=len(frames),
            waiting_bytes=self._queue.unwritten,
        )

    def _note_drops(self, time_ns: int) -> None:
        """Append the line of the frames that were dropped before this."""
        if not self._missing_frames:
            return
        line = dropped_line(time_ns, self._missing_frames, self._missing_bytes)
        self._missing_frames = self._missing_bytes = 0
        entry = TapeEntry(self._name, time_ns, (), line)
        self._queue.append(entry, entry.size)
