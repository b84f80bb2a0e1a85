"""Read the key file, and read it again when it changes."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path
from time import time
from typing import NamedTuple

from api.access.permission import Denied, Permission
from api.store.metrics import KEY_FILE_UP, KEYS
from kraken_book.access_keys import MAX_FILE_BYTES, digest_of, parse_key_file
from kraken_book.errors import Unusable
from runtime.logs import get_logger

log = get_logger(__name__)

CHECK_INTERVAL = 0.5


class _Signature(NamedTuple):
    """Differs if the file was changed or replaced."""

    mtime_ns: int
    size: int
    inode: int
    device: int
    mode: int


class KeyFile:
    """The keys of a file.

    If the file becomes unreadable or invalid, the keys of its last valid content stay in force.

    Args:
        path: The file.
        check_interval: Seconds between two checks for a change.

    Raises:
        Unusable: The file cannot be read, or is invalid.
    """

    def __init__(self, path: Path, check_interval: float = CHECK_INTERVAL) -> None:
        self._path = path
        self._check_interval = check_interval
        self._signature: _Signature | None = None
        self._fault: str | None = None
        self._by_digest: Mapping[str, Permission] = {}
        self._load()

    def permission(self, key: str) -> Permission:
        """Return what a key permits; raise Denied if it is unknown or has expired."""
        return self.permission_of(digest_of(key))

    def has(self, key: str) -> bool:
        """Return whether the file has a key, also if it has expired."""
        return digest_of(key) in self._by_digest

    def permission_of(self, digest: str) -> Permission:
        """Return what the key with this digest permits; raise Denied."""
        found = self._by_digest.get(digest)
        # The comparison takes the same time for each digest that the lookup finds.
        if found is None or not compare_digest(found.key_digest, digest):
            raise Denied("key-unknown", "the key is unknown; it may have been revoked")
        if found.expires_at is not None and time() >= found.expires_at:
            raise Denied("key-expired", "the key has expired; ask for a new one")
        return found

    def is_in_force(self, permission: Permission) -> bool:
        """Return whether the key of a permission is still in the file, and permits the same."""
        return self._by_digest.get(permission.key_digest) == permission

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
            self._load()
        except (OSError, Unusable) as error:
            fault = _text(error)
            KEY_FILE_UP.set(0)
            if fault != self._fault:
                log.error("key file invalid, old keys stay", file=str(self._path), error=fault)
            self._fault = fault
            return
        self._fault = None
        log.info("key file read", file=str(self._path), keys=len(self._by_digest))

    def _load(self) -> None:
        try:
            # Before the content: a change between the two is found at the next check.
            signature = _signature(self._path)
            if not stat.S_ISREG(signature.mode):
                raise Unusable(f"{self._path} is not a file")
            with self._path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise Unusable(f"{self._path} cannot be read: {_text(error)}") from error
        # Invalid content is not parsed again until it changes.
        self._signature = signature
        keys = parse_key_file(content)
        self._by_digest = {
            key.sha256: Permission(key.name, key.selection, key.limits, key.expires_at, key.sha256)
            for key in keys
        }
        KEY_FILE_UP.set(1)
        KEYS.set(len(keys))


def _signature(path: Path) -> _Signature:
    status = os.stat(path)  # noqa: PTH116 - follows symbolic links, as Path.stat does
    return _Signature(
        status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev, status.st_mode
    )


def _text(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
