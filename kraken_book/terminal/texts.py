"""Formats of the terminal's values, and texts that fit into a number of cells."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from kraken_book.printable import printable

NOTHING = "—"
ELLIPSIS = "…"

# The shape of each status, beside its word and its colour.
MARKS = {"live": "●", "syncing": "◐", "stale": "▲", "asked": "○", "refused": "x"}


def fitted(text: str, width: int) -> str:
    """Return `text` in at most `width` cells; an ellipsis marks a cut."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    return "" if width <= 0 else f"{set_cell_size(text, width - 1).rstrip()}{ELLIPSIS}"


def left(text: str, width: int) -> str:
    """Return `text` aligned left in exactly `width` cells."""
    return set_cell_size(fitted(text, width), width)


def right(text: str, width: int) -> str:
    """Return `text` aligned right in exactly `width` cells."""
    text = fitted(text, width)
    return " " * (width - cell_len(text)) + text


def age_text(seconds: float | None) -> str:
    """Return an age in seconds, with tenths if it is small, or in minutes or hours."""
    if seconds is None:
        return NOTHING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def count_text(count: int) -> str:
    """Return a count with commas between thousands."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 book`, `2 books`."""
    return f"{count_text(count)} {noun}{'' if count == 1 else 's'}"


@lru_cache(maxsize=8192)
def split_zeros(text: str) -> tuple[str, str]:
    """Split a decimal into its digits and its trailing zeros."""
    if "." not in text:
        return text, ""
    digits = text.rstrip("0").removesuffix(".")
    return digits, text[len(digits) :]


def first_that_fits(texts: Sequence[str], width: int) -> str:
    """Return the first text of at most `width` cells; if none fits, cut the last one."""
    return next((text for text in texts if cell_len(text) <= width), fitted(texts[-1], width))
