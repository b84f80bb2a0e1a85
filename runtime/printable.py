"""Escape foreign text for logs and errors, so that it moves no cursor and forges no line.

An escape shows exactly what was there, at any width. `kraken_book.printable` replaces the same
characters by one character each, because the terminal and the client show texts in columns. It is
not used here because the simulator, which shares no code with the library, logs too.
"""

from __future__ import annotations

import re

# Select Graphic Rendition: colours and weights, which change nothing but the looks of a line.
_COLOURS = re.compile(r"(\x1b\[[0-9;]{0,40}m)")


def printable(text: str, most: int | None = None) -> str:
    r"""Return `text` with every character that does not show written as its escape.

    These are control characters (C0, DEL and C1), line and paragraph separators, formatting
    characters such as those that change the direction of writing, and lone surrogates: an
    escape character becomes `\x1b`.

    Args:
        text: What somebody else wrote.
        most: How many characters of it to keep; an ellipsis shows that there were more.

    """
    if most is not None and len(text) > most:
        text = f"{text[:most]}…"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def printable_lines(text: str) -> str:
    """Return `text` like `printable` does, but keep its line feeds."""
    return "\n".join(map(printable, text.split("\n")))


def printable_with_colours(text: str) -> str:
    """Return `text` like `printable` does, but keep its colours, and end them with the text."""
    parts = _COLOURS.split(text)
    cleaned = "".join(part if index % 2 else printable(part) for index, part in enumerate(parts))
    return f"{cleaned}\x1b[0m" if len(parts) > 1 else cleaned


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
