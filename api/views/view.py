"""What of a book a stream is to show: so many levels, the best alone, and how often.

?levels=5   ?view=top   ?interval=100ms
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from kraken_book.book import CHECKSUM_LEVELS, Book, Side


class Cut(NamedTuple):
    """A view of books; `levels` of each side (None: all; 0: the best alone, by itself).

    Shown anew at most once in `interval` seconds; 0.0 is at each change.
    """

    levels: int | None = None
    interval: float = 0.0


class Shown(NamedTuple):
    """What a view shows of one state of a book; equal where a reader would see no difference."""

    bids: str
    asks: str
    best: tuple[str, ...]
    proves: bool
    """Whether the checksum can be computed from the levels shown."""


def show(book: Book, levels: int | None) -> Shown:
    """Return what a view of so many levels (None: all) shows of `book`."""
    sides = (book.bids, book.asks)
    best = tuple(side.best.json if side.best else "" for side in sides)
    proves = levels is None or levels >= min(CHECKSUM_LEVELS, max(map(len, sides)))
    return Shown(_side(book.bids, levels), _side(book.asks, levels), best, proves)


def _side(side: Side, levels: int | None) -> str:
    if levels is None or levels >= len(side):
        return side.json
    return f"[{','.join([level.json for level in islice(side, levels)])}]"
