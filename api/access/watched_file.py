"""Read a file of keys, and read it again when it changes: for API_KEYS_FILE and API_JWT."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from prometheus_client import Gauge

from kraken_book.errors import Unusable
from runtime.logs import get_logger

log = get_logger(__name__)

CHECK_INTERVAL = 0.5

SizedT = TypeVar("SizedT", bound=Sized)


class _Signature(NamedTuple):
    """Differs if the file was changed or replaced."""

    mtime_ns: int
    size: int
    inode: int
    device: int
    mode: int


class WatchedFile(Generic[SizedT]):
    """The keys of a file.

    If the file becomes unreadable or invalid, the keys of its last valid content stay in force.

    Args:
        path: The file.
        parse: Returns the keys in the content of the file, or raises Unusable.
        max_bytes: A larger file is invalid.
        is_up: Set to 0 while the file is unreadable or invalid, else to 1.
        check_interval: Seconds between two checks for a change.

    Attributes:
        keys: The keys in force.

    Raises:
        Unusable: The file cannot be read, or is invalid.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[bytes], SizedT],
        max_bytes: int,
        is_up: Gauge,
        check_interval: float = CHECK_INTERVAL,
    ) -> None:
        self._path = path
        self._parse = parse
        self._max_bytes = max_bytes
        self._is_up = is_up
        self._check_interval = check_interval
        self._signature: _Signature | None = None
        self._fault: str | None = None
        self.keys = self._read()
        is_up.set(1)

    async def run(self) -> None:
        """Read the file again whenever it changes, until the task is cancelled."""
        while True:
            await asyncio.sleep(self._check_interval)
            # In a thread: the file may be large, or on a slow disk.
            await asyncio.to_thread(self.check)

    def check(self) -> None:
        """Read the file again if it has changed; log a fault once."""
        try:
            if _signature(self._path) == self._signature:
                return
            self.keys = self._read()
        except (OSError, Unusable) as error:
            if isinstance(error, OSError):
                # It may come back unchanged.
                self._signature = None
            fault = _text(error)
            self._is_up.set(0)
            if fault != self._fault:
                log.error("key file invalid, old keys stay", file=str(self._path), error=fault)
            self._fault = fault
            return
        self._is_up.set(1)
        self._fault = None
        log.info("key file read", file=str(self._path), keys=len(self.keys))

    def _read(self) -> SizedT:
        self._signature = None
        try:
            # Before the content: a change between the two is found at the next check.
            signature = _signature(self._path)
            if not stat.S_ISREG(signature.mode):
                raise Unusable(f"{self._path} is not a file")
            with self._path.open("rb") as file:
                content = file.read(self._max_bytes + 1)
        except OSError as error:
            raise Unusable(f"{self._path} cannot be read: {_text(error)}") from error
        # Invalid content is not parsed again until it changes.
        self._signature = signature
        if len(content) > self._max_bytes:
            raise Unusable(f"{self._path} has more than {self._max_bytes} bytes")
        return self._parse(content)


def _signature(path: Path) -> _Signature:
    status = os.stat(path)  # noqa: PTH116 - follows symbolic links, as Path.stat does
    return _Signature(
        status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev, status.st_mode
    )


def _text(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
