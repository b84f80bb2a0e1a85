"""Foreign text for a terminal or a line of a log, one character for each that does not show.

The services' logs show escapes instead (`runtime.printable`), which the library cannot import.
"""

from __future__ import annotations

from functools import lru_cache

REPLACEMENT = "?"
_ELLIPSIS = "…"


@lru_cache(maxsize=1024)
def printable(text: str, most: int | None = None) -> str:
    """Return `text` without anything that a terminal obeys or that breaks a line.

    Line ends, tabs and other white space become a space. Control characters (C0, DEL, C1),
    characters that change the direction of writing, lone surrogates and whatever else Unicode
    calls unprintable become a question mark.

    Args:
        text: What another process said.
        most: How many characters to keep; an ellipsis shows that more came.
    """
    if most is not None and len(text) > most:
        text = text[: most - 1] + _ELLIPSIS
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def printable_json(data: bytes) -> bytes:
    """Return the same JSON, with every unprintable character of its strings as an escape.

    JSON itself escapes control characters below a space only; a terminal obeys others too.

    Args:
        data: JSON on one line.

    Raises:
        UnicodeDecodeError: If `data` is not UTF-8.
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
