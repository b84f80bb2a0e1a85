"""The widget of the table of all books, with a cursor that selects ladders to open."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip
from textual.widget import Widget

from kraken_book.terminal.board import Board
from kraken_book.terminal.books_poll import PolledBook
from kraken_book.terminal.frame import Piece, TextFrame
from kraken_book.terminal.overview_rows import OverviewRows
from kraken_book.terminal.palette import Palette
from kraken_book.terminal.texts import counted

# The two lines of the frame and the line of the column names.
LINES_BESIDE_BOOKS = 3


class Overview(Widget, can_focus=False):
    """A table with one row for each book of `board`. Only visible rows are drawn."""

    def __init__(self, board: Board, palette: Palette) -> None:
        super().__init__()
        self.has_keys = False
        """Whether the keys move the cursor."""
        self._board = board
        self._palette = palette
        self._rows = OverviewRows(palette)
        self._ladders: dict[str, int] = {}
        self._cursor = 0
        self._top = 0
        self._now = 0.0
        self._widened_for: Sequence[PolledBook] = ()

    @property
    def natural_width(self) -> int:
        """The width of the whole table in cells, with its frame."""
        return self._rows.width + 4

    @property
    def symbol(self) -> str | None:
        """The symbol under the cursor, None if the table is empty."""
        rows = self._board.rows
        return rows[self._cursor].symbol if self._cursor < len(rows) else None

    def show(self, ladders: Sequence[str], now: float) -> None:
        """Draw the table again.

        Args:
            ladders: The symbols of the ladders, for the numbers in the table.
            now: The current time by the board's clock.
        """
        under_cursor, self._now = self.symbol, now
        self._ladders = {symbol: index + 1 for index, symbol in enumerate(ladders)}
        if self._widened_for is not self._board.rows:
            self._widened_for = self._board.rows
            self._rows.widen(self._board.rows, len(ladders))
        self.refresh()
        self.point_at(under_cursor)

    def point_at(self, symbol: str | None) -> None:
        """Move the cursor to `symbol` if it is in the table."""
        symbols = [book.symbol for book in self._board.rows]
        self.move_to(symbols.index(symbol) if symbol in symbols else self._cursor)

    def move(self, rows: int) -> None:
        """Move the cursor by `rows`."""
        self.move_to(self._cursor + rows)

    def page(self, pages: int) -> None:
        """Move the cursor by `pages` windows."""
        self.move(pages * max(self._room, 1))

    def move_to(self, row: int) -> None:
        """Move the cursor to a row, limited to the table, and scroll to it."""
        self._cursor = max(min(row, len(self._board.rows) - 1), 0)
        self._scroll_to_cursor()
        self.refresh()

    @property
    def _room(self) -> int:
        return self.size.height - LINES_BESIDE_BOOKS

    def _scroll_to_cursor(self) -> None:
        room = max(self._room, 1)
        last = max(len(self._board.rows) - room, 0)
        self._top = max(min(self._top, self._cursor, last), self._cursor - room + 1)

    def on_resize(self) -> None:
        """Keep the cursor visible at the window's new size."""
        self._scroll_to_cursor()

    def render_line(self, y: int) -> Strip:
        """Return a line of the frame or of the table."""
        frame = TextFrame(self._palette, self.size.width, has_focus=self.has_keys)
        if y == 0:
            return frame.top([(" books ", frame.title)], self._summary())
        if y == self.size.height - 1:
            return frame.bottom((), self._visible_range())
        if y == 1:
            return frame.line(self._rows.head(frame.inner))
        index = self._top + y - 2
        if index >= len(self._board.rows):
            return frame.line([(self._empty_text(), self._palette.muted)] if not index else ())
        return frame.line(self._row(index, self._board.rows[index], frame.inner))

    def _row(self, index: int, book: PolledBook, width: int) -> list[Piece]:
        return self._rows.line(
            self._board.shown(book),
            self._ladders.get(book.symbol),
            self._now,
            width,
            is_known=self._board.failure is None,
            has_cursor=self.has_keys and index == self._cursor,
        )

    def _empty_text(self) -> str:
        if self._board.failure is not None:
            return "  no book yet: is an api running there? `make run` starts one"
        return "  no book yet: waiting for a collector"

    def _summary(self) -> list[Piece]:
        count = len(self._board.rows)
        text = f" {self._board.live_count} of {counted(count, 'book')} live "
        return [(text, self._palette.muted)] if count else []

    def _visible_range(self) -> list[Piece]:
        """Return the numbers of the visible rows, or nothing if all rows are visible."""
        count = len(self._board.rows)
        if count <= self._room:
            return []
        last = min(self._top + self._room, count)
        return [(f" {self._top + 1}-{last} of {count} ", self._palette.muted)]
