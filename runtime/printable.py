r"""Escape foreign text for logs and errors: it must not control a terminal or forge a line.

An escape such as `\x1b` is exact but wider than one column. `kraken_book.printable` replaces the
same characters by one character each, because the terminal aligns texts in columns. It is not used
here because the simulator, which shares no code with the library, logs too.
"""

from __future__ import annotations

import re

# Select Graphic Rendition: colours and weights, which are harmless.
_COLOURS = re.compile(r"(\x1b\[[0-9;]{0,40}m)")


def printable(text: str, max_length: int | None = None) -> str:
    r"""Return `text` with every character that is not printable replaced by its escape.

    These are control characters (C0, DEL and C1), line and paragraph separators, formatting
    characters such as those that change the direction of writing, and lone surrogates. ESC becomes
    `\x1b`.

    Args:
        text: Any text.
        max_length: The number of characters to keep; an ellipsis replaces the others.
    """
    if max_length is not None and len(text) > max_length:
        text = f"{text[:max_length]}…"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def printable_lines(text: str) -> str:
    """Return `text` as `printable` does, but keep line feeds."""
    return "\n".join(map(printable, text.split("\n")))


def printable_with_colours(text: str) -> str:
    """Return `text` as `printable` does, but keep colours and reset them at the end."""
    parts = _COLOURS.split(text)
    cleaned = "".join(part if index % 2 else printable(part) for index, part in enumerate(parts))
    return f"{cleaned}\x1b[0m" if len(parts) > 1 else cleaned


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
