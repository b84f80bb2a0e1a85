"""The keys of tokens in a file, as API_JWT names it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from api.access.jwt_source import JwtSource
from api.access.tokens import MAX_KEY_BYTES, KeySet, OneSecret, VerificationKey
from api.access.watched_file import CHECK_INTERVAL, WatchedFile
from api.store.metrics import TOKEN_KEYS_UP


class TokenKeyFile:
    """A secret or a key set in a file, which is read again when it changes.

    Args:
        source: The setting, which names a file.
        check_interval: Seconds between two checks for a change.

    Raises:
        Unusable: The file cannot be read, or has no key that can be used.
    """

    def __init__(self, source: JwtSource, check_interval: float = CHECK_INTERVAL) -> None:
        parse = KeySet.parse if source.kind == "jwks" else OneSecret.parse
        self._file: WatchedFile[KeySet | OneSecret] = WatchedFile(
            Path(source.place), parse, MAX_KEY_BYTES, TOKEN_KEYS_UP, check_interval
        )

    async def key_for(self, key_id: str | None) -> VerificationKey | None:
        """Return the key with this id, the only one if it is None; None if unknown."""
        return await self._file.keys.key_for(key_id)

    def has(self, signer: str) -> bool:
        """Return whether there is a key with this digest."""
        return self._file.keys.has(signer)

    async def refresh(self) -> None:
        """Read the file again if it has changed."""
        await asyncio.to_thread(self.check)

    async def run(self) -> None:
        """Read the file again whenever it changes, until the task is cancelled."""
        await self._file.run()

    def check(self) -> None:
        """Read the file again if it has changed; log a fault once."""
        self._file.check()
