"""Keys and tokens of the tests of access."""

from __future__ import annotations

from pathlib import Path
from time import time
from typing import Any

import jwt

from kraken_book.access_keys import AccessKey, digest_of, render_key_file

SECRET = b"0123456789abcdef0123456789abcdef"


class WrittenKeys:
    """A key file, and the keys whose digests it has."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: dict[str, AccessKey] = {}

    def add(self, name: str, **members: Any) -> None:
        """Add the key `kb_NAME`."""
        self._keys[name] = AccessKey(name, digest_of(f"kb_{name}"), **members)
        self._write()

    def add_own(self, name: str, key: str) -> None:
        """Add a key of another form."""
        self._keys[name] = AccessKey(name, digest_of(key))
        self._write()

    def revoke(self, name: str) -> None:
        """Remove a key."""
        del self._keys[name]
        self._write()

    def _write(self) -> None:
        # As the command does: a file that is written in place could be read in part.
        new = self.path.with_suffix(".new")
        new.write_bytes(render_key_file(list(self._keys.values())))
        new.replace(self.path)


def bearer(credential: str) -> dict[str, str]:
    """Return the header with a key or token."""
    return {"Authorization": f"Bearer {credential}"}


def token(secret: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """Return a token, valid unless the arguments make it invalid; a claim of None is left out."""
    # Valid for longer than any run of the tests: some tokens are made when these are collected.
    full = {"exp": time() + 3600, "aud": "books", "symbols": ["BTC/*"], "sub": "desk", **claims}
    present = {name: value for name, value in full.items() if value is not None}
    return jwt.encode(present, secret, algorithm=algorithm)
