"""Bars that say how much is offered up to a level, of block characters: they need no colour."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from kraken_book.level import Level

_FULL = "█"
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def depth_bar(part: int, whole: int, width: int) -> str:
    """Return a bar for `part` of `whole` in `width` cells, to an eighth of a cell.

    A part that is not zero shows at least that.
    """
    if part <= 0 or whole <= 0 or width <= 0:
        return ""
    # Lots pass what a float holds exactly; an eighth of a cell is found among integers.
    eighths = max(1, min(part, whole) * width * 8 // whole)
    return _FULL * (eighths // 8) + _EIGHTHS[eighths % 8]


def cumulative(levels: Sequence[Level]) -> list[int]:
    """Return how many lots are offered up to each of `levels`, best first."""
    return list(accumulate(level.lots for level in levels))
