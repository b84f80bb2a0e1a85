"""Views: which levels of a book a stream shows, and how often.

?levels=5   ?view=top   ?interval=100ms
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

from api.http.books import parse_levels
from api.http.problems import bad_parameter
from kraken_book.book import CHECKSUM_LEVELS, Book, Side

LEAST_INTERVAL, MOST_INTERVAL = 0.01, 60.0

_INTERVAL = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s)", re.ASCII)


class View(NamedTuple):
    """A client's choice of what it is shown of books."""

    levels: int | None = None
    """Levels of each side; None for all, 0 for the best bid and ask alone."""
    interval: float = 0.0
    """Seconds between two snapshots at least; 0.0 for a snapshot at each change."""


class RenderedView(NamedTuple):
    """What a view shows of one state of a book; equal if a reader would see no difference."""

    bids: str
    asks: str
    best: tuple[str, ...]
    proves: bool
    """Whether the checksum can be computed from the levels shown."""


def render_view(book: Book, levels: int | None) -> RenderedView:
    """Return what a view with this number of levels (None: all) shows of `book`."""
    sides = (book.bids, book.asks)
    best = tuple(side.best.json if side.best else "" for side in sides)
    proves = levels is None or levels >= min(CHECKSUM_LEVELS, max(map(len, sides)))
    return RenderedView(_side(book.bids, levels), _side(book.asks, levels), best, proves)


def _side(side: Side, levels: int | None) -> str:
    if levels is None or levels >= len(side):
        return side.json
    return f"[{','.join([level.json for level in islice(side, levels)])}]"


def parse_view(levels: str | None, view: str | None, interval: str | None) -> View | None:
    """The view that these parameters ask for, None where they ask for none; raises Problem."""
    if levels is None and view is None and interval is None:
        return None
    if view is not None and view != "top":
        raise bad_parameter("view", f"{view[:40]!r} is no view; there is one: top")
    if view is not None and levels is not None:
        raise bad_parameter("view", "view=top shows no levels: take levels or view, not both")
    wanted = 0 if view else parse_levels(levels)
    return View(wanted, parse_interval(interval) if interval is not None else 0.0)


def parse_interval(text: str) -> float:
    """The interval in seconds; raises Problem."""
    match = _INTERVAL.fullmatch(text)
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else 0.0
    if not LEAST_INTERVAL <= seconds <= MOST_INTERVAL:
        raise bad_parameter(
            "interval", f"{text[:40]!r} is no time from 10ms to 60s, such as 100ms or 1s"
        )
    return seconds
