"""The open files of a tape: one an hour and connection, within the limits of the folder."""

from __future__ import annotations

from dataclasses import dataclass

from collector.metrics import TAPE_BYTES
from collector.tape.folder import TapeFolder, TapeLimits
from collector.tape.lines import received_lines
from collector.tape.tape_file import OpenFile, TapeFile, open_new
from collector.tape.tape_queue import TapeEntry

LIMITS_INTERVAL_NS = 60 * 10**9
HOUR_NS = 3600 * 10**9
# The limits are also checked when this part of the permitted bytes was written since the last time.
_CHECKED_PARTS = 50
# Open files cannot be removed, so together they have at most this part of the permitted bytes; a
# larger one ends before its hour.
_OPEN_PARTS = 8


@dataclass
class _OpenTape:
    file: TapeFile
    hour: int
    counted: int = 0
    """The bytes of the file that the metric has."""

    def count(self) -> int:
        """Count the bytes that were written since the last call, and return them."""
        new, self.counted = self.file.size - self.counted, self.file.size
        TAPE_BYTES.inc(new)
        return new


class TapeWriter:
    """Writes entries to the files of their connections and hours; each method may raise OSError.

    Args:
        folder: The folder.
        limits: The limits of its files.
        open_file: Opens a new file.

    Attributes:
        written: The compressed bytes that were written.
    """

    def __init__(
        self, folder: TapeFolder, limits: TapeLimits, open_file: OpenFile = open_new
    ) -> None:
        self.written = 0
        self._folder = folder
        self._limits = limits
        self._open_file = open_file
        self._open: dict[str, _OpenTape] = {}
        self._checked_at_ns = 0
        self._written_at_check = 0

    def write(self, entry: TapeEntry) -> None:
        """Append an entry to its file."""
        lines = entry.line or received_lines(entry.time_ns, entry.frames)
        self._file_of(entry).append(lines)

    def end_round(self, time_ns: int) -> None:
        """Flush all files, finish those of past hours, and remove files beyond the limits.

        Args:
            time_ns: A time before which all entries are written, Unix nanoseconds.
        """
        for each in self._open.values():
            each.file.flush()
            self.written += each.count()
        largest = self._limits.max_bytes // _OPEN_PARTS // max(1, len(self._open))
        for name, each in list(self._open.items()):
            if each.hour < time_ns // HOUR_NS or each.file.size > largest:
                self._finish(name)
        part = self._limits.max_bytes // _CHECKED_PARTS
        is_due = abs(time_ns - self._checked_at_ns) >= LIMITS_INTERVAL_NS
        if is_due or self.written - self._written_at_check >= part:
            self._check_limits(time_ns)

    def finish(self) -> None:
        """Finish all files."""
        for name in list(self._open):
            self._finish(name)

    def abandon(self) -> None:
        """Close all files as they are, after an error; the next collector completes them."""
        for each in self._open.values():
            each.file.abandon()
        self._open.clear()

    def _file_of(self, entry: TapeEntry) -> TapeFile:
        hour = entry.time_ns // HOUR_NS
        found = self._open.get(entry.connection)
        if found is not None and hour > found.hour:
            self._finish(entry.connection)
            found = None
        if found is None:
            path = self._folder.new_path(entry.connection, entry.time_ns)
            found = self._open[entry.connection] = _OpenTape(TapeFile(path, self._open_file), hour)
        return found.file

    def _finish(self, name: str) -> None:
        finished = self._open[name]
        finished.file.finish()
        self.written += finished.count()
        del self._open[name]

    def _check_limits(self, time_ns: int) -> None:
        self._checked_at_ns, self._written_at_check = time_ns, self.written
        self._folder.remove_old(self._limits, time_ns)
