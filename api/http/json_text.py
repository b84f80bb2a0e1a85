"""JSON that is safe to look at: on a terminal it is only text."""

from __future__ import annotations

import msgspec

from kraken_book.printable import printable_json


def encode_json(content: object) -> bytes:
    """Return `content` as JSON whose strings have no character that a terminal obeys."""
    return printable_json(msgspec.json.encode(content))
