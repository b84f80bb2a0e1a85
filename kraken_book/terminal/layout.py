"""The layout of a window: its parts, and the grid of its ladders.

A grid has as many columns as fit, rows below each other, and all ladders of one height.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

MIN_WIDTH = 38
MAX_WIDTH = 84
GAP = 2
# The frame's two lines and the spread's.
LINES_BESIDE_LEVELS = 3
# As many levels as Kraken's checksum covers, and as its smallest books have.
USUAL_LEVELS = 10
USUAL_LADDER = LINES_BESIDE_LEVELS + 2 * USUAL_LEVELS
# A ladder that shares the window with the overview is to be no narrower.
COMFORTABLE_WIDTH = 42
# The overview's frame and the names of its columns.
LINES_BESIDE_BOOKS = 3
MIN_BOOKS, MAX_BOOKS = 3, 8

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
    if lines >= LINES_BESIDE_BOOKS + min(books, MIN_BOOKS) and ladders:
        return Arrangement(has_heading, "above", lines)
    alone = is_overview_open or not ladders
    return Arrangement(has_heading, "alone" if alone else "hidden", room)


class Column(NamedTuple):
    """A column of the grid."""

    x: int
    width: int


class Grid(NamedTuple):
    """The positions of ladders in a window: ladder i is in column i % n and row i // n."""

    columns: tuple[Column, ...]
    rows: int
    levels: int
    """How many levels of each side a ladder shows."""
    has_heads: bool
    """Whether there is room for what the columns are called."""

    @property
    def height(self) -> int:
        """How many lines a ladder has."""
        return LINES_BESIDE_LEVELS + self.has_heads + 2 * self.levels

    @property
    def lines(self) -> int:
        """How many lines all ladders take."""
        return self.rows * self.height

    def row_of(self, index: int) -> int:
        """Return the row of a ladder."""
        return index // len(self.columns)

    def visible(self, top: int, lines: int, count: int) -> range:
        """Return which of `count` ladders show in the window that begins at line `top`."""
        if lines <= 0 or not count:
            return range(0)
        first, last = top // self.height, (top + lines - 1) // self.height
        return range(first * len(self.columns), min((last + 1) * len(self.columns), count))


def grid_of(count: int, width: int, height: int, wanted: int | None, depth: int) -> Grid:
    """Return the grid of `count` ladders in a window of `width` by `height`.

    Each shows `wanted` levels a side. If that is None, it shows the usual number, or as many as fit
    if one row holds all ladders. It is never more than fit, or than the `depth` of the books.
    """
    columns = _columns(count, width)
    rows = max(-(-count // len(columns)), 1)
    fit = max((height - LINES_BESIDE_LEVELS) // 2, 1)
    usual = fit if rows == 1 else USUAL_LEVELS
    levels = max(min(usual if wanted is None else wanted, fit, depth), 1)
    with_heads = Grid(columns, rows, levels, has_heads=True)
    return with_heads if with_heads.lines <= height else with_heads._replace(has_heads=False)


def _columns(count: int, width: int) -> tuple[Column, ...]:
    number = max(min((width + GAP) // (MIN_WIDTH + GAP), count), 1)
    room = min(width - GAP * (number - 1), MAX_WIDTH * number)
    columns = []
    x = 0
    for index in range(number):
        # What cannot be shared evenly goes to the first ones, so that the right edge is straight.
        own = room // number + (index < room % number)
        columns.append(Column(x, own))
        x += own + GAP
    return tuple(columns)
