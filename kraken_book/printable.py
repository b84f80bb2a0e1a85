"""Foreign text, made safe for a terminal or a line of a log."""

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


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else REPLACEMENT
