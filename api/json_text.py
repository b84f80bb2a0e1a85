"""JSON and texts that are safe to look at: on a terminal they are only text.

JSON escapes what is below a space. The other control characters, and those that turn the direction
of writing, pass through; a terminal that prints an answer would obey them.
"""

from __future__ import annotations

import msgspec

# Of what a client sent, or Redis holds, this much is shown.
MAX_SHOWN = 100


def encode_json(content: object) -> bytes:
    """Return `content` as JSON whose strings have no character that a terminal obeys."""
    return escape_json(msgspec.json.encode(content))


def escape_json(data: bytes) -> bytes:
    """Return the same JSON, unprintable characters in its strings as escapes.

    Raises UnicodeDecodeError if `data` is no UTF-8. It is JSON on one line, as `encode_json` makes.
    """
    if data.isascii() and b"\x7f" not in data:
        return data
    return "".join([c if c.isprintable() else _json_escape(c) for c in data.decode()]).encode()


def printable(text: str, most: int = MAX_SHOWN) -> str:
    """Return at most `most` characters of `text`, unprintable ones as Python's escapes."""
    shown = text if len(text) <= most else f"{text[:most]}…"
    if shown.isprintable():
        return shown
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown])


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join([f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)])
