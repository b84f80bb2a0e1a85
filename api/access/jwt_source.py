"""The type of the setting API_JWT.

This module imports little, because `--help` loads it with the settings.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from kraken_book.hosts import is_loopback, is_port

_FORMS = (
    "hs256:FILE with a secret of at least 32 bytes, jwks:FILE with a JSON Web Key Set, or the"
    " https:// address of such a set"
)


class JwtSource(NamedTuple):
    """The value of API_JWT: the place of the keys that verify tokens."""

    kind: str
    """`hs256`, `jwks` or `https`."""
    place: str
    """A file, or an address."""

    def __str__(self) -> str:
        return self.place if self.kind == "https" else f"{self.kind}:{self.place}"

    @classmethod
    def parse(cls, text: str) -> JwtSource:
        """Return the source in `text`; raise ValueError if it has another form."""
        address = urlsplit(text)
        if "@" in address.netloc:
            raise ValueError("a key set is public: give its address without a user and a password")
        is_local = address.scheme == "http" and is_loopback(address.hostname or "")
        if (address.scheme == "https" and address.hostname) or is_local:
            if not _has_valid_port(address):
                raise ValueError("the port of the address must be a number from 1 to 65535")
            return cls("https", text)
        kind, mark, place = text.partition(":")
        if mark and place and kind in {"hs256", "jwks"}:
            return cls(kind, place)
        # Without the value, which may be a secret that was given instead of its file.
        raise ValueError(f"expected {_FORMS}")


def _has_valid_port(address: SplitResult) -> bool:
    try:
        return address.port is None or is_port(address.port)
    except ValueError:
        return False
