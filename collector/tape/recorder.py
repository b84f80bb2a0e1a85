"""The thread that writes the tape, and the state of the tape.

RECORDING ─▶ STOPPED    at the end of the collector
     └─────▶ FAILED     at an error of the disk: the collector goes on without a tape
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from enum import Enum
from time import time_ns as now_ns

from collector.metrics import TAPE_FAILED
from collector.tape.connection_tape import ConnectionTape
from collector.tape.folder import TapeFolder, TapeLimits
from collector.tape.tape_file import OpenFile, open_new
from collector.tape.tape_queue import TapeQueue
from collector.tape.writer import TapeWriter
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

log = get_logger("collector.tape")

# A kill loses the frames since the last round: less than a second.
ROUND_INTERVAL = 0.5


class TapeState(Enum):
    """The state of a tape."""

    RECORDING = "recording"
    STOPPED = "stopped"
    FAILED = "failed"


class TapeRecorder:
    """Writes the frames of all connections, until it is closed or the disk fails.

    Args:
        folder: The folder, which this process has claimed.
        limits: The limits of its files.
        queue: The queue between event loop and thread.
        clock: Returns Unix nanoseconds.
        open_file: Opens a new file.
        round_interval: Seconds between two rounds, each of which ends with a flush.

    Attributes:
        state: The state; `_enter` alone changes it.
    """

    def __init__(
        self,
        folder: TapeFolder,
        limits: TapeLimits,
        queue: TapeQueue | None = None,
        clock: Callable[[], int] = now_ns,
        open_file: OpenFile = open_new,
        round_interval: float = ROUND_INTERVAL,
    ) -> None:
        self.state = TapeState.RECORDING
        self._folder = folder
        self._queue = queue or TapeQueue()
        self._clock = clock
        self._round_interval = round_interval
        self._writer = TapeWriter(folder, limits, open_file)
        self._limited_log = LimitedLog(log)
        self._tapes: list[ConnectionTape] = []
        self._error: str | None = None
        # A daemon, because a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="tape", daemon=True)

    def connection(self, name: str, url: str) -> ConnectionTape:
        """Return the tape of a new connection.

        Args:
            name: The name of the connection.
            url: The address of the venue.
        """
        tape = ConnectionTape(name, url, self._queue, self._limited_log, self._clock)
        self._tapes.append(tape)
        return tape

    def count_unwritten(self) -> int:
        """Return the bytes that wait for the disk."""
        return self._queue.unwritten

    def describe(self) -> dict[str, object]:
        """Return the tape's state, for /healthz and `kraken:feed`."""
        return {
            "folder": str(self._folder.path),
            "state": self.state.value,
            "error": self._error,
            "written_bytes": self._writer.written,
            "dropped_frames": sum(tape.dropped_frames for tape in self._tapes),
        }

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Let the thread write all that waits, and end; return at once."""
        self._queue.close()

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended, at most `timeout` seconds; return whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._folder.complete_partials()
            while not self._queue.is_closed:
                self._write_round()
            # What was appended before the end.
            self._write_round()
            self._writer.finish()
            self._enter(TapeState.STOPPED)
        except (OSError, zstd.ZstdError) as error:
            self._fail(error)
        finally:
            # Also after an unexpected error, so that nothing waits for a thread that has ended.
            self._queue.discard()
            self._folder.release()

    def _write_round(self) -> None:
        # Before the entries are taken, so that an entry of a past hour cannot come later.
        now = self._clock()
        for entry in self._queue.take_all(self._round_interval):
            self._writer.write(entry)
            self._queue.on_written(entry)
        self._writer.end_round(now)

    def _fail(self, error: Exception) -> None:
        self._error = str(error)
        self._writer.abandon()
        TAPE_FAILED.set(1)
        self._enter(TapeState.FAILED)
        log.error(
            "tape ended, the collector goes on without it",
            folder=str(self._folder.path),
            error=self._error,
            advice="mend or free the disk of COLLECTOR_TAPE, then restart the collector",
        )

    def _enter(self, state: TapeState) -> None:
        assert self.state is TapeState.RECORDING, f"{state} does not follow {self.state}"
        self.state = state
        log.info("tape state changed", state=state.value, written_bytes=self._writer.written)
