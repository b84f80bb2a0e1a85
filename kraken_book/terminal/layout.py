"""The layout of a window: the place of the table, and the grid of the ladders.

A grid has as many columns as fit. All ladders have the same height.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

MIN_WIDTH = 38
MAX_WIDTH = 84
GAP = 2
# The two lines of the frame and the line of the spread.
LINES_BESIDE_LEVELS = 3
# Kraken's checksum covers ten levels, and its smallest books have ten.
USUAL_LEVELS = 10
USUAL_LADDER = LINES_BESIDE_LEVELS + 2 * USUAL_LEVELS
# The minimum width of a ladder beside the overview.
COMFORTABLE_WIDTH = 42
# The two lines of the overview's frame and the line of the column names.
LINES_BESIDE_BOOKS = 3
MIN_BOOKS, MAX_BOOKS = 3, 8

OverviewPlace = Literal["hidden", "beside", "above", "alone"]


class Arrangement(NamedTuple):
    """The heading and the place of the overview."""

    has_heading: bool
    overview: OverviewPlace
    overview_lines: int
    """The height of the overview if it is above the ladders or beside them."""


def arrange(
    width: int,
    height: int,
    *,
    ladders: int,
    books: int,
    overview_width: int,
    is_overview_open: bool,
) -> Arrangement:
    """Return the arrangement of the space of `width` by `height` above the line of keys.

    The overview is beside or above the ladders if both have room for their usual contents.
    Otherwise it fills the window while it is open, and is hidden while it is closed.
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
    """The positions of the ladders: ladder i is in column i % n and row i // n of n columns."""

    columns: tuple[Column, ...]
    rows: int
    levels: int
    """The number of levels of each side of a ladder."""
    has_heads: bool
    """Whether there is room for the names of the columns."""

    @property
    def height(self) -> int:
        """The number of lines of a ladder."""
        return LINES_BESIDE_LEVELS + self.has_heads + 2 * self.levels

    @property
    def lines(self) -> int:
        """The number of lines of all ladders."""
        return self.rows * self.height

    def row_of(self, index: int) -> int:
        """Return the row of the ladder at `index`."""
        return index // len(self.columns)

    def visible(self, top: int, lines: int, count: int) -> range:
        """Return the indexes of the visible ladders.

        Args:
            top: The first visible line.
            lines: The number of visible lines.
            count: The number of ladders.
        """
        if lines <= 0 or not count:
            return range(0)
        first, last = top // self.height, (top + lines - 1) // self.height
        return range(first * len(self.columns), min((last + 1) * len(self.columns), count))


def grid_of(count: int, width: int, height: int, wanted: int | None, depth: int) -> Grid:
    """Return the grid of `count` ladders in a window of `width` by `height`.

    Args:
        count: The number of ladders.
        width: The width of the window in cells.
        height: The height of the window in lines.
        wanted: The number of levels of each side. None is the usual number, or as many as fit if
            all ladders are in one row. The window and `depth` limit it.
        depth: The depth of the books.
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
        # The first columns get the remaining cells, so that the columns fill the room.
        own = room // number + (index < room % number)
        columns.append(Column(x, own))
        x += own + GAP
    return tuple(columns)
