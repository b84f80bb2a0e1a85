"""Encode JSON that is safe to print on a terminal."""

from __future__ import annotations

import msgspec

from kraken_book.printable import printable_json


def encode_json(content: object) -> bytes:
    """Return `content` as JSON with control characters escaped, because a terminal obeys them."""
    return printable_json(msgspec.json.encode(content))
