"""Which parts of the terminal a window has room for."""

from __future__ import annotations

from typing import Literal, NamedTuple

from kraken_book.terminal.grid import GAP, LINES_BESIDE_LEVELS, USUAL_LEVELS

USUAL_LADDER = LINES_BESIDE_LEVELS + 2 * USUAL_LEVELS
# A ladder that shares the window with the overview is to be no narrower.
COMFORTABLE_WIDTH = 42
# The overview's frame and the names of its columns.
LINES_BESIDE_BOOKS = 3
FEWEST_BOOKS, MAX_BOOKS = 3, 8

OverviewPlace = Literal["hidden", "beside", "above", "alone"]


class Arrangement(NamedTuple):
    """The parts beside the ladders and the line of keys."""

    has_heading: bool
    overview: OverviewPlace
    overview_lines: int
    """How many lines the overview has above the ladders."""


def arrange(
    width: int,
    height: int,
    *,
    ladders: int,
    books: int,
    overview_width: int,
    is_overview_open: bool,
) -> Arrangement:
    """Return the arrangement of a window of `width` by `height`, without the line of keys.

    The overview is beside the ladders, or above them, if each of them has room for what it usually
    shows. Else it has the window alone while it is open, and is hidden while it is not.
    """
    has_heading = height > USUAL_LADDER
    room = height - has_heading
    ladders_width = ladders * (COMFORTABLE_WIDTH + GAP)
    if ladders and width >= ladders_width + overview_width:
        return Arrangement(has_heading, "beside", min(books + LINES_BESIDE_BOOKS, room))
    lines = LINES_BESIDE_BOOKS + min(books, MAX_BOOKS, room - USUAL_LADDER - LINES_BESIDE_BOOKS)
    if lines >= LINES_BESIDE_BOOKS + min(books, FEWEST_BOOKS) and ladders:
        return Arrangement(has_heading, "above", lines)
    alone = is_overview_open or not ladders
    return Arrangement(has_heading, "alone" if alone else "hidden", room)
