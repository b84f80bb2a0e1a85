"""The contract's scripts, with the digests by which EVALSHA calls them."""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple

__all__ = ["LEASE", "RELEASE", "WRITE", "Script"]


class Script(NamedTuple):
    """A script that runs inside Redis."""

    text: str
    sha: str


def _read(name: str) -> Script:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    # Redis identifies scripts by their SHA-1.
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


WRITE = _read("write.lua")
LEASE = _read("lease.lua")
RELEASE = _read("release.lua")
