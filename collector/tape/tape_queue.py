"""Lines that wait for the thread that writes them: bounded in bytes, and never a delay."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

# At 5,000 frames of 200 bytes per second, a disk may hang for most of a minute.
MAX_QUEUE_BYTES = 64 * 2**20
# The thread is woken before its next round if this many bytes wait.
WAKE_BYTES = 2**20
# A frame in a list: its object and its place.
_FRAME_OVERHEAD = 64


class TapeEntry(NamedTuple):
    """Frames of one read of a socket, or one line.

    Attributes:
        connection: The name of the connection.
        time_ns: Unix nanoseconds.
        frames: The frames; empty for a line.
        line: The line; empty for frames, whose lines the thread makes.
    """

    connection: str
    time_ns: int
    frames: Sequence[bytes]
    line: bytes = b""

    @property
    def size(self) -> int:
        """Return the bytes that the entry needs in memory, about."""
        frames = self.frames
        return sum(map(len, frames)) + len(self.line) + _FRAME_OVERHEAD * (len(frames) + 1)


class TapeQueue:
    """A queue from the event loop, which appends, to one thread, which takes all that waits.

    Entries count until they are written, so that those in the thread's hands are bounded too.

    Args:
        max_bytes: The most bytes of entries.
        wake_bytes: So many waiting bytes wake the thread before its next round.
    """

    def __init__(self, max_bytes: int = MAX_QUEUE_BYTES, wake_bytes: int = WAKE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._wake_bytes = min(wake_bytes, max_bytes // 2)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._entries: list[TapeEntry] = []
        self._waiting = 0
        self._unwritten = 0
        self._is_closed = False

    @property
    def unwritten(self) -> int:
        """Return the bytes of entries that are not written yet."""
        return self._unwritten

    @property
    def is_closed(self) -> bool:
        """Return whether the queue takes no more entries."""
        return self._is_closed

    def has_room(self, size: int) -> bool:
        """Return whether an entry of this size can be appended now, by the only appender."""
        return self._unwritten + size <= self._max_bytes

    def append(self, entry: TapeEntry, size: int) -> None:
        """Append an entry; nothing happens if the queue is closed.

        The caller checks `has_room` for frames. Lines about a connection are few, and need none.
        """
        with self._lock:
            if self._is_closed:
                return
            self._entries.append(entry)
            self._waiting += size
            self._unwritten += size
            is_due = self._waiting >= self._wake_bytes
        if is_due:
            self._wake.set()

    def take_all(self, timeout: float) -> list[TapeEntry]:
        """Return the entries that wait, when there are many, or after `timeout` seconds."""
        self._wake.wait(timeout)
        with self._lock:
            entries, self._entries = self._entries, []
            self._waiting = 0
            if not self._is_closed:
                self._wake.clear()
        return entries

    def on_written(self, entry: TapeEntry) -> None:
        """Give back the room of an entry that was taken."""
        size = entry.size
        with self._lock:
            self._unwritten -= size

    def close(self) -> None:
        """Take no more entries; the thread takes those that wait."""
        with self._lock:
            self._is_closed = True
        self._wake.set()

    def discard(self) -> None:
        """Take no more entries, and forget those that wait."""
        self.close()
        with self._lock:
            self._entries = []
            self._waiting = self._unwritten = 0
