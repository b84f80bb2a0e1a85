"""Write lines of a log from a thread, through a bounded queue.

Logging never waits: not for a pipe that nobody reads, and not for a full disk. Lines for which
there is no room, and lines that cannot be written, are dropped and counted; once lines are written
again, one of them tells how many were lost.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import accumulate

MAX_WAITING_BYTES = 1_000_000
MAX_BATCH_BYTES = 65_536
FLUSH_LIMIT = 0.5
WATCH_INTERVAL = 1.0

# What waits costs memory beside its bytes.
_OVERHEAD_BYTES = 64
# No reader can come back after these: the other end of the pipe is closed, the terminal is gone.
_READER_IS_GONE = frozenset((errno.EPIPE, errno.EIO))


class LineWriter:
    """Writes lines to a file descriptor from a thread of its own.

    Args:
        descriptor: Where to write.
        describe_loss: Makes the line that tells how many were dropped.
        max_waiting: Bytes of lines that may wait, each with an overhead of 64.
        watch_interval: Seconds after which an idle writer looks whether it still has a reader.

    """

    def __init__(
        self,
        descriptor: int,
        *,
        describe_loss: Callable[[int], bytes],
        max_waiting: int = MAX_WAITING_BYTES,
        watch_interval: float = WATCH_INTERVAL,
    ) -> None:
        self._descriptor = descriptor
        self._describe_loss = describe_loss
        self._max_waiting = max_waiting
        self._watch_interval = watch_interval
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        self._told = 0
        self._is_asleep = False
        self._reader_is_gone = False
        self._when_reader_gone: list[Callable[[], object]] = []
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Return how many lines were dropped so far."""
        return self._dropped

    def when_reader_gone(self, callback: Callable[[], object]) -> None:
        """Call `callback`, in any thread, once the other end is closed for good."""
        with self._changed:
            if not self._reader_is_gone:
                self._when_reader_gone.append(callback)
                self._start_thread()
                return
        callback()

    def put(self, line: bytes) -> None:
        """Have the line written, or drop it if there is no room; return at once."""
        size = len(line) + _OVERHEAD_BYTES
        with self._changed:
            if self._reader_is_gone or self._waiting_bytes + size > self._max_waiting:
                self._dropped += 1
                return
            self._lines.append(line)
            self._waiting_bytes += size
            if self._is_asleep:
                self._is_asleep = False
                self._changed.notify()
            self._start_thread()

    def flush(self, limit: float = FLUSH_LIMIT) -> bool:
        """Wait until all is written, at most `limit` seconds; return whether it is."""
        deadline = time.monotonic() + limit
        while self._waiting_bytes and time.monotonic() < deadline:
            time.sleep(0.001)
        return not self._waiting_bytes

    def _start_thread(self) -> None:
        if self._thread is None:
            # A daemon, so that a write that blocks does not keep the process from ending.
            self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
            self._thread.start()

    def _write_lines(self) -> None:
        while not self._reader_is_gone:
            batch = self._next_batch()
            if batch:
                self._write_batch(batch)
            else:
                self._reader_is_gone = self._has_no_reader()
        self._drop_what_waits()
        for callback in self._when_reader_gone:
            callback()

    def _next_batch(self) -> list[bytes]:
        """Take lines for one write; return none if none came for a while."""
        with self._changed:
            if not self._lines:
                self._is_asleep = True
                self._changed.wait(self._watch_interval)
                self._is_asleep = False
            batch: list[bytes] = []
            size = 0
            while self._lines and (not batch or size + len(self._lines[0]) <= MAX_BATCH_BYTES):
                batch.append(self._lines.popleft())
                size += len(batch[-1])
            return batch

    def _write_batch(self, batch: list[bytes]) -> None:
        written = self._write(b"".join(batch))
        lost = sum(end > written for end in accumulate(map(len, batch)))
        with self._changed:
            self._dropped += lost
        if not lost:
            self._tell_losses()
        with self._changed:
            self._waiting_bytes -= sum(len(line) + _OVERHEAD_BYTES for line in batch)

    def _write(self, content: bytes) -> int:
        """Write all of it, and return how much of it could be written."""
        written = 0
        while written < len(content):
            try:
                written += self._write_some(content[written:])
            except OSError as error:
                if error.errno in _READER_IS_GONE:
                    self._reader_is_gone = True
                break
        return written

    def _write_some(self, content: bytes) -> int:
        try:
            return os.write(self._descriptor, content)
        except BlockingIOError:
            # Another program made the descriptor, which it shares with us, non-blocking.
            select.select((), (self._descriptor,), ())
            return 0

    def _has_no_reader(self) -> bool:
        with contextlib.suppress(OSError):
            poll = select.poll()
            poll.register(self._descriptor, 0)
            events = [event for _, event in poll.poll(0)]
            return any(event & (select.POLLERR | select.POLLHUP) for event in events)
        return False

    def _tell_losses(self) -> None:
        lost = self._dropped - self._told
        if lost:
            line = self._describe_loss(lost)
            if self._write(line) == len(line):
                self._told += lost

    def _drop_what_waits(self) -> None:
        with self._changed:
            self._dropped += len(self._lines)
            self._lines.clear()
            self._waiting_bytes = 0


class LogOutput(logging.Handler):
    """A handler of the standard library's logging that hands its lines to a `LineWriter`.

    Without a descriptor, in a process whose standard output is closed, it counts the lines and
    drops them.
    """

    def __init__(
        self,
        descriptor: int | None,
        *,
        max_waiting: int = MAX_WAITING_BYTES,
        watch_interval: float = WATCH_INTERVAL,
    ) -> None:
        super().__init__()
        self._unwritten = 0
        self._writer = (
            None
            if descriptor is None
            else LineWriter(
                descriptor,
                describe_loss=self._loss_line,
                max_waiting=max_waiting,
                watch_interval=watch_interval,
            )
        )

    @property
    def dropped(self) -> int:
        """Return how many lines were dropped so far."""
        return self._writer.dropped if self._writer else self._unwritten

    def when_reader_gone(self, callback: Callable[[], object]) -> None:
        """Call `callback`, in any thread, once the other end is closed for good."""
        if self._writer:
            self._writer.when_reader_gone(callback)

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record and queue its line."""
        if self._writer:
            self._writer.put(self._line(record))
        else:
            self._unwritten += 1

    def flush(self) -> None:
        """Wait for what is queued, at most half a second; logging calls this at exit."""
        if self._writer:
            self._writer.flush()

    def _line(self, record: logging.LogRecord) -> bytes:
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - a field that cannot be shown ends nothing
            facts = {"of": record.name, "error": type(error).__name__}
            text = self.format(_record_of("log line not rendered", facts))
        return text.encode(errors="backslashreplace") + b"\n"

    def _loss_line(self, count: int) -> bytes:
        return self._line(_record_of("log lines dropped", {"lines": count}))


OWN_FIELDS = ("of", "error", "lines")
"""Fields of log lines about the log itself: attributes of their records."""


def _record_of(event: str, fields: Mapping[str, object]) -> logging.LogRecord:
    record = logging.LogRecord(__name__, logging.WARNING, "", 0, event, None, None)
    record.__dict__.update(fields)
    return record
