"""The widget of the ladders: it arranges them, moves the focus, and paints changed ladders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.segment import Segment
from textual.events import Resize
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kraken_book.terminal.board import Board
from kraken_book.terminal.ladder import Ladder
from kraken_book.terminal.layout import GAP, Grid, grid_of
from kraken_book.terminal.palette import Palette

# The depth of a book before its first snapshot.
UNKNOWN_DEPTH = 10


class Ladders(ScrollView, can_focus=False):
    """Ladders in as many columns as fit, and in rows that scroll.

    `mark` marks the ladders of changed books. `paint` draws the visible ones of them.
    """

    DEFAULT_CSS = "Ladders { width: 1fr; height: 1fr; scrollbar-size: 0 0; }"

    def __init__(self, board: Board, palette: Palette) -> None:
        super().__init__()
        self.paints = 0
        """The number of ladders that were painted so far."""
        self.has_keys = True
        """Whether the keys move the focus of this widget."""
        self.index = 0
        """The index of the ladder with the focus."""
        self._board = board
        self._palette = palette
        self._gap = Strip([Segment(" " * GAP, palette.ground)], GAP)
        self._ladders: dict[str, Ladder] = {}
        self._order: list[str] = []
        self._wanted: int | None = None
        self._wants_totals: bool | None = None
        self._grid: Grid | None = None
        self._marked: set[str] = set()
        self._lines: dict[str, list[Strip]] = {}

    @property
    def symbols(self) -> Sequence[str]:
        """The symbols of the ladders, in order."""
        return self._order

    @property
    def symbol(self) -> str | None:
        """The symbol of the ladder with the focus, None if there is no ladder."""
        return self._order[self.index] if self._order else None

    @property
    def levels(self) -> int:
        """The number of levels of each side."""
        return self._grid.levels if self._grid else 0

    @property
    def shown(self) -> Sequence[str]:
        """The symbols of the ladders that are at least partly visible."""
        if self._grid is None:
            return ()
        top = self.scroll_offset.y
        visible = self._grid.visible(top, self.size.height, len(self._order))
        return [self._order[index] for index in visible]

    def open(self, symbols: Iterable[str]) -> None:
        """Add ladders for the `symbols` that have none."""
        for symbol in symbols:
            if symbol not in self._ladders:
                self._ladders[symbol] = Ladder(symbol, self._board, self._palette)
                self._order.append(symbol)
        self.place()

    def close(self) -> str | None:
        """Remove the ladder with the focus, and return its symbol, None if there is no ladder."""
        if not self._order:
            return None
        symbol = self._order.pop(self.index)
        del self._ladders[symbol]
        self._lines.pop(symbol, None)
        self.index = max(min(self.index, len(self._order) - 1), 0)
        self.place()
        return symbol

    def focus_at(self, index: int) -> None:
        """Give the ladder at `index` the focus, if there is one, and scroll to it."""
        if not 0 <= index < len(self._order) or self._grid is None:
            return
        before, self.index = self.index, index
        self.mark(self._order[i] for i in (before, index))
        height = self._grid.height
        row = Region(0, self._grid.row_of(index) * height, self.size.width, height)
        self.scroll_to_region(row, animate=False, force=True)

    def move(self, columns: int, rows: int) -> None:
        """Move the focus by `columns` and `rows`."""
        if self._grid is not None:
            step = columns + rows * len(self._grid.columns)
            self.focus_at(self.index + step)

    def page(self, pages: int) -> None:
        """Move the focus by `pages` windows, at most to the first or last ladder."""
        if self._grid is None:
            return
        rows = max(self.size.height // self._grid.height, 1)
        step = pages * rows * len(self._grid.columns)
        self.focus_at(max(min(self.index + step, len(self._order) - 1), 0))

    def change_levels(self, step: int) -> None:
        """Show `step` more levels of each side, but at least one and no more than fit."""
        self._wanted = max(self.levels + step, 1)
        self.place()

    def toggle_totals(self) -> None:
        """Show or hide the totals of all ladders that have room for them."""
        if self.symbol is not None:
            self._wants_totals = not self._ladders[self.symbol].has_totals
            self.mark_all()

    def place(self) -> None:
        """Compute the places of all ladders, and draw them if their places have changed."""
        width, height = self.size
        if not width or not height:
            return
        books = (self._board.live(symbol) for symbol in self._order)
        depth = max((book.depth or UNKNOWN_DEPTH for book in books if book), default=UNKNOWN_DEPTH)
        grid = grid_of(len(self._order), width, height, self._wanted, depth)
        if grid != self._grid or len(self._lines) != len(self._order):
            self._grid = grid
            self._lines.clear()
            self.virtual_size = Size(width, grid.lines)
            self.mark_all()
            self.focus_at(self.index)
            self.refresh()

    def mark(self, symbols: Iterable[str]) -> None:
        """Mark the ladders of `symbols` for the next `paint`."""
        self._marked.update(symbols)

    def mark_all(self) -> None:
        """Mark all ladders for the next `paint`."""
        self._marked.update(self._order)

    def paint(self) -> int:
        """Draw the marked ladders that are visible; the others stay marked.

        Returns:
            The number of ladders drawn.
        """
        if not self._marked or self._grid is None:
            return 0
        due = [symbol for symbol in self.shown if symbol in self._marked]
        for symbol in due:
            self._marked.discard(symbol)
            self._paint(symbol)
        self.paints += len(due)
        return len(due)

    def _paint(self, symbol: str) -> None:
        assert self._grid is not None
        index = self._order.index(symbol)
        before, now = self._lines.get(symbol), self._draw(index)
        self._lines[symbol] = now
        if before is None or len(before) != len(now):
            before = [Strip.blank(0)] * len(now)
        column = self._grid.columns[index % len(self._grid.columns)]
        top = self._grid.row_of(index) * self._grid.height - self.scroll_offset.y
        changed = [y for y, (old, new) in enumerate(zip(before, now, strict=True)) if old != new]
        self.refresh(*(Region(column.x, top + y, column.width + GAP, 1) for y in changed))

    def _draw(self, index: int) -> list[Strip]:
        assert self._grid is not None
        column = self._grid.columns[index % len(self._grid.columns)]
        return self._ladders[self._order[index]].lines(
            index + 1,
            column.width,
            self._grid.levels,
            has_focus=self.has_keys and index == self.index,
            has_heads=self._grid.has_heads,
            wants_totals=self._wants_totals,
        )

    def render_line(self, y: int) -> Strip:
        """Return a line of the window: one line of each ladder in a row."""
        width, ground = self.size.width, self._palette.ground
        if self._grid is None:
            return Strip.blank(width, ground)
        row, line = divmod(y + self.scroll_offset.y, self._grid.height)
        first = row * len(self._grid.columns)
        strips: list[Strip] = []
        for index in range(first, min(first + len(self._grid.columns), len(self._order))):
            lines = self._lines.get(self._order[index])
            if lines is None:
                lines = self._lines[self._order[index]] = self._draw(index)
            strips += [self._gap, lines[line]]
        return Strip.join(strips[1:]).adjust_cell_length(width, ground)

    def on_resize(self, _event: Resize) -> None:
        """Arrange the ladders for the window's new size."""
        self.place()
