"""Write log lines from a thread, through a bounded queue.

Logging never waits for a pipe without a reader or for a full disk. Lines that do not fit into the
queue or cannot be written are dropped and counted. The number is logged when lines can be written
again.
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
FLUSH_TIMEOUT = 0.5
WATCH_INTERVAL = 1.0

# The memory of a queued line beyond its bytes.
_OVERHEAD_BYTES = 64
# After these errors no reader can return: the pipe's other end or the terminal is closed.
_READER_GONE_ERRORS = frozenset((errno.EPIPE, errno.EIO))


class LineWriter:
    """Writes lines to a file descriptor from a thread.

    Args:
        descriptor: The file descriptor.
        describe_loss: Returns the line that reports a number of dropped lines.
        max_waiting: The maximum size of the queue in bytes; each line counts 64 bytes more.
        watch_interval: Seconds between two checks of an idle writer for a closed reader.
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
        self._reported = 0
        self._is_asleep = False
        self._reader_is_gone = False
        self._when_reader_gone: list[Callable[[], object]] = []
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Return the number of lines dropped so far."""
        return self._dropped

    def when_reader_gone(self, callback: Callable[[], object]) -> None:
        """Call `callback`, in any thread, when the reader is gone for good."""
        with self._changed:
            if not self._reader_is_gone:
                self._when_reader_gone.append(callback)
                self._start_thread()
                return
        callback()

    def put(self, line: bytes) -> None:
        """Queue a line, or drop it if the queue is full; never wait."""
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

    def flush(self, timeout: float = FLUSH_TIMEOUT) -> bool:
        """Wait at most `timeout` seconds until the queue is written; return whether it is."""
        deadline = time.monotonic() + timeout
        while self._waiting_bytes and time.monotonic() < deadline:
            time.sleep(0.001)
        return not self._waiting_bytes

    def _start_thread(self) -> None:
        if self._thread is None:
            # A daemon thread, because a write that blocks must not keep the process from ending.
            self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
            self._thread.start()

    def _write_lines(self) -> None:
        while not self._reader_is_gone:
            batch = self._next_batch()
            if batch:
                self._write_batch(batch)
            else:
                self._reader_is_gone = self._has_no_reader()
        self._drop_queue()
        for callback in self._when_reader_gone:
            callback()

    def _next_batch(self) -> list[bytes]:
        """Return the lines for the next write; none if the queue stays empty for a while."""
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
            self._report_losses()
        with self._changed:
            self._waiting_bytes -= sum(len(line) + _OVERHEAD_BYTES for line in batch)

    def _write(self, content: bytes) -> int:
        """Write `content`; return how many of its bytes were written."""
        written = 0
        while written < len(content):
            try:
                written += self._write_some(content[written:])
            except OSError as error:
                if error.errno in _READER_GONE_ERRORS:
                    self._reader_is_gone = True
                break
        return written

    def _write_some(self, content: bytes) -> int:
        try:
            return os.write(self._descriptor, content)
        except BlockingIOError:
            # Another program that shares the descriptor has made it non-blocking.
            select.select((), (self._descriptor,), ())
            return 0

    def _has_no_reader(self) -> bool:
        with contextlib.suppress(OSError):
            poll = select.poll()
            poll.register(self._descriptor, 0)
            events = [event for _, event in poll.poll(0)]
            return any(event & (select.POLLERR | select.POLLHUP) for event in events)
        return False

    def _report_losses(self) -> None:
        lost = self._dropped - self._reported
        if lost:
            line = self._describe_loss(lost)
            if self._write(line) == len(line):
                self._reported += lost

    def _drop_queue(self) -> None:
        with self._changed:
            self._dropped += len(self._lines)
            self._lines.clear()
            self._waiting_bytes = 0


class LogOutput(logging.Handler):
    """A handler of the standard library's logging that writes through a `LineWriter`.

    If `descriptor` is None because standard output is closed, all lines are dropped and counted.
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
        """Return the number of lines dropped so far."""
        return self._writer.dropped if self._writer else self._unwritten

    def when_reader_gone(self, callback: Callable[[], object]) -> None:
        """Call `callback`, in any thread, when the reader is gone for good."""
        if self._writer:
            self._writer.when_reader_gone(callback)

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record and queue its line."""
        if self._writer:
            self._writer.put(self._line(record))
        else:
            self._unwritten += 1

    def flush(self) -> None:
        """Wait at most half a second until the queue is written; logging calls this at exit."""
        if self._writer:
            self._writer.flush()

    def _line(self, record: logging.LogRecord) -> bytes:
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - any field's `__repr__` may fail in any way
            facts = {"of": record.name, "error": type(error).__name__}
            text = self.format(_record("log line not rendered", facts))
        return text.encode(errors="backslashreplace") + b"\n"

    def _loss_line(self, count: int) -> bytes:
        return self._line(_record("log lines dropped", {"lines": count}))


OWN_FIELDS = ("of", "error", "lines")
"""Fields of log lines about the log, which are attributes of their records."""


def _record(event: str, fields: Mapping[str, object]) -> logging.LogRecord:
    record = logging.LogRecord(__name__, logging.WARNING, "", 0, event, None, None)
    record.__dict__.update(fields)
    return record
