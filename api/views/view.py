"""Views: the levels of a book that a stream shows, and the interval between snapshots.

?levels=5   ?view=top   ?interval=100ms
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from kraken_book.book import CHECKSUM_LEVELS, AnySide, Book


class View(NamedTuple):
    """A client's choice of levels and interval."""

    levels: int | None = None
    """Levels of each side; None for all, 0 for only the best bid and ask."""
    interval: float = 0.0
    """Least number of seconds between two snapshots; 0.0 for a snapshot at each change."""


class RenderedView(NamedTuple):
    """The visible content of a book in a view; equal if a reader would see no difference."""

    bids: str
    asks: str
    best: tuple[str, ...]
    proves: bool
    """Whether the checksum can be computed from the levels shown."""


def render_view(book: Book, levels: int | None) -> RenderedView:
    """Return the visible content of `book` with a number of levels; None for all."""
    sides = (book.bids, book.asks)
    best = tuple(side.best.json if side.best else "" for side in sides)
    proves = levels is None or levels >= min(CHECKSUM_LEVELS, max(map(len, sides)))
    return RenderedView(_side(book.bids, levels), _side(book.asks, levels), best, proves)


def _side(side: AnySide, levels: int | None) -> str:
    if levels is None or levels >= len(side):
        return side.json
    return f"[{','.join([level.json for level in islice(side, levels)])}]"
