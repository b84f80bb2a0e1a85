"""The keys of API_KEYS_FILE, and what each permits."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path
from time import time

from api.access.permission import Denied, Permission
from api.access.watched_file import CHECK_INTERVAL, WatchedFile
from api.store.metrics import KEY_FILE_UP, KEYS
from kraken_book.access_keys import MAX_FILE_BYTES, digest_of, parse_key_file
from kraken_book.errors import Unusable


class KeyFile:
    """The keys of a file, which is read again when it changes.

    Args:
        path: The file.
        check_interval: Seconds between two checks for a change.

    Raises:
        Unusable: The file cannot be read, or is invalid.
    """

    def __init__(self, path: Path, check_interval: float = CHECK_INTERVAL) -> None:
        self._file = WatchedFile(path, _permissions, MAX_FILE_BYTES, KEY_FILE_UP, check_interval)

    def permission(self, key: str) -> Permission:
        """Return the permission of a key; raise Denied if it is unknown or has expired."""
        return self.permission_of(digest_of(key))

    def has(self, key: str) -> bool:
        """Return whether the file has a key, also if it has expired."""
        return digest_of(key) in self._file.keys

    def permission_of(self, digest: str) -> Permission:
        """Return the permission of the key with this digest; raise Denied."""
        found = self._file.keys.get(digest)
        # The comparison takes the same time for each digest that the lookup finds.
        if found is None or not compare_digest(found.key_digest, digest):
            raise Denied("key-unknown", "the key is unknown; it may have been revoked")
        if found.expires_at is not None and time() >= found.expires_at:
            raise Denied("key-expired", "the key has expired; ask for a new one")
        return found

    def is_in_force(self, permission: Permission) -> bool:
        """Return whether the key of a permission is still in the file, and permits the same."""
        return self._file.keys.get(permission.key_digest) == permission

    async def run(self) -> None:
        """Read the file again whenever it changes, until the task is cancelled."""
        await self._file.run()

    def check(self) -> None:
        """Read the file again if it has changed; log a fault once."""
        self._file.check()


def _permissions(content: bytes) -> Mapping[str, Permission]:
    """Return what each key of a key file permits, by the digest of the key; raise Unusable."""
    if not content.strip():
        # A file that is written in place is empty for a moment, in which no key would be valid.
        raise Unusable('it is empty; a key file without keys is {"keys": []}')
    keys = parse_key_file(content)
    KEYS.set(len(keys))
    return {
        key.sha256: Permission(key.name, key.selection, key.limits, key.expires_at, key.sha256)
        for key in keys
    }
