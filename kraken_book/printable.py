"""Make text from other processes safe for a terminal or a line of a log.

The services' logs use escapes instead of replacement characters: see `runtime.printable`, which the
library cannot import.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["printable", "printable_json"]

REPLACEMENT = "?"
_ELLIPSIS = "…"


@lru_cache(maxsize=1024)
def printable(text: str, most: int | None = None) -> str:
    """Return `text` as one line without characters that a terminal would interpret.

    Line ends, tabs and other white space become a space. Control characters (C0, DEL, C1),
    characters that change the direction of writing, lone surrogates and all other characters that
    Unicode calls unprintable become a question mark.

    Args:
        text: Text from another process.
        most: The maximum number of characters; an ellipsis marks a cut.
    """
    if most is not None and len(text) > most:
        text = text[: most - 1] + _ELLIPSIS
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def printable_json(data: bytes) -> bytes:
    """Return equivalent JSON in which every unprintable character is escaped.

    JSON requires escapes only for control characters below a space, but terminals interpret others.
    Bytes that are not UTF-8 raise UnicodeDecodeError.

    Args:
        data: JSON on one line.
    """
    if data.isascii() and b"\x7f" not in data:
        return data
    return "".join([c if c.isprintable() else _json_escape(c) for c in data.decode()]).encode()


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join([f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)])


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else REPLACEMENT
