"""The folder of a tape: `DIR/2026-11-27/13-connection-1-130000.000412.tape.zst`.

The folder of the day and the hour are UTC; the last part of the name is the time of the first line.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from collector.tape.partial_files import complete_partial
from collector.tape.tape_file import PARTIAL, SUFFIX
from runtime.logs import get_logger

log = get_logger("collector.tape")

_DAY = "%Y-%m-%d"
_DAY_PATTERN = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NAME_PATTERN = re.compile(
    rf"(?P<hour>[01]\d|2[0-3])-connection-.+-(?P<start>\d{{6}}\.\d{{6}})(?:-\d+)?"
    rf"{re.escape(SUFFIX)}(?P<partial>{re.escape(PARTIAL)})?",
    re.ASCII,
)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.]")
_LOCK = ".collector.lock"


class TapeFolderUnusable(ValueError):
    """The folder cannot be used; the message names the setting and the right form."""


@dataclass(frozen=True)
class TapeLimits:
    """The limits of all files of a folder."""

    max_bytes: int
    max_age: timedelta


class _Found(NamedTuple):
    """One file; they sort by the time of their first lines."""

    day: str
    hour: int
    start: str
    path: Path
    size: int
    is_partial: bool

    def ended_before(self, moment: datetime) -> bool:
        day = datetime.strptime(self.day, _DAY).replace(tzinfo=UTC)
        return day + timedelta(hours=self.hour + 1) < moment


class TapeFolder:
    """The files of one collector; no other process may write to the folder.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    def claim(self) -> None:
        """Make the folder, if it is missing, and lock it for this process.

        Raises:
            TapeFolderUnusable: Files cannot be written there, or another collector does it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._lock = os.open(self.path / _LOCK, flags, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise TapeFolderUnusable(
                f"COLLECTOR_TAPE={self.path}: another collector writes its tape there:"
                " give each collector a folder of its own"
            ) from None
        except OSError as error:
            self.release()
            raise TapeFolderUnusable(
                f"COLLECTOR_TAPE={self.path}: cannot be written ({error.strerror}):"
                " it takes a folder in which this user can make files"
            ) from error

    def release(self) -> None:
        """Unlock the folder."""
        if self._lock >= 0:
            descriptor, self._lock = self._lock, -1
            os.close(descriptor)

    def complete_partials(self) -> None:
        """Complete the files that a killed collector left open; OSError if that fails."""
        for found in self._files():
            if found.is_partial:
                has_lines = complete_partial(found.path)
                log.info("tape file completed", path=str(found.path), has_lines=has_lines)

    def new_path(self, connection: str, time_ns: int) -> Path:
        """Return the final name of a new file, and make the folder of its day.

        Args:
            connection: The name of the connection.
            time_ns: The time of the first line, Unix nanoseconds.
        """
        moment = moment_of(time_ns)
        day = self.path / moment.strftime(_DAY)
        day.mkdir(exist_ok=True)
        name = _NOT_IN_NAMES.sub("_", connection)
        begin = f"{moment:%H}-connection-{name}-{moment:%H%M%S.%f}"
        endings = chain([""], (f"-{number}" for number in count(2)))
        paths = (day / f"{begin}{ending}{SUFFIX}" for ending in endings)
        return next(path for path in paths if not _is_used(path))

    def remove_old(self, limits: TapeLimits, time_ns: int) -> None:
        """Remove the oldest finished files beyond the limits; OSError if that fails.

        Args:
            limits: The limits.
            time_ns: The time now, Unix nanoseconds.
        """
        files = sorted(self._files())
        total = sum(each.size for each in files)
        oldest = moment_of(time_ns) - limits.max_age
        for each in files:
            reason = "age" if each.ended_before(oldest) else "size"
            if each.is_partial or (reason == "size" and total <= limits.max_bytes):
                continue
            each.path.unlink(missing_ok=True)
            total -= each.size
            log.info("tape file removed", path=str(each.path), reason=reason)
            if not any(each.path.parent.iterdir()):
                each.path.parent.rmdir()

    def _files(self) -> Iterator[_Found]:
        """Yield the files of the tape; others in the folder are not touched."""
        for day in self.path.iterdir():
            if not _DAY_PATTERN.fullmatch(day.name) or not day.is_dir():
                continue
            for path in list(day.iterdir()):
                match = _NAME_PATTERN.fullmatch(path.name)
                if match and path.is_file():
                    size, is_partial = path.stat().st_size, match["partial"] is not None
                    hour, start = int(match["hour"]), match["start"]
                    yield _Found(day.name, hour, start, path, size, is_partial)


def _is_used(path: Path) -> bool:
    return path.exists() or path.with_name(path.name + PARTIAL).exists()


def moment_of(time_ns: int) -> datetime:
    """Return a time of Unix nanoseconds, cut to microseconds."""
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=time_ns // 1000)
