"""Folders, clocks and readers for tests of the tape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.tape.folder import TapeFolder, TapeLimits
from collector.tape.tape_queue import TapeEntry
from kraken_book.recording.tape_reader import TapeLine, read_tape

HOUR_NS = 3600 * 10**9
START_NS = int(datetime(2026, 11, 27, 13, 59, 59, tzinfo=UTC).timestamp()) * 10**9
NO_LIMITS = TapeLimits(10**15, timedelta(days=36_500))
URL = "ws://user:secret@127.0.0.1:9443/v2?token=secret"


def frame_entry(time_ns: int, *frames: bytes, connection: str = "1") -> TapeEntry:
    return TapeEntry(connection, time_ns, frames)


def claimed(path: Path) -> TapeFolder:
    folder = TapeFolder(path)
    folder.claim()
    return folder


def names(folder: Path) -> list[str]:
    """Return the files of a tape by name, in order, with the folder of the day."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return sorted(str(path.relative_to(folder)) for path in found)


def lines_in(folder: Path) -> list[TapeLine]:
    """Return the lines of all files, in the order of their names."""
    return [line for name in names(folder) for line in read_tape(folder / name)]
