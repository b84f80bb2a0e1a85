"""The rows of the table of all books, with as many columns as fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.style import Style

from kraken_book.symbols import pair_of, venue_of
from kraken_book.terminal.books_poll import PolledBook
from kraken_book.terminal.frame import Piece
from kraken_book.terminal.palette import Palette
from kraken_book.terminal.texts import MARKS, NOTHING, age_text, fitted, left, right
from kraken_book.words import explain

CURSOR = "▸"


class _Column(NamedTuple):
    name: str
    head: str
    gap: int
    is_number: bool = False


_COLUMNS = (
    _Column("cursor", "", 0),
    _Column("ladder", "#", 1, is_number=True),
    _Column("venue", "venue", 1),
    _Column("symbol", "symbol", 1),
    _Column("mark", "", 2),
    _Column("status", "status", 1),
    _Column("bid", "best bid", 2, is_number=True),
    _Column("ask", "best ask", 2, is_number=True),
    _Column("spread", "spread", 2, is_number=True),
    _Column("seq", "seq", 2, is_number=True),
    _Column("age", "age", 2, is_number=True),
)
# The columns that a narrow window leaves out, in this order.
_DISPENSABLE = ("spread", "seq", "status", "age", "ladder", "ask")
# A reason in fewer cells would be unreadable.
_MIN_REASON = 8
# The maximum widening of the gaps if there is room, and the cells that are kept for reasons.
_MAX_SPREAD = 5
_ROOM_FOR_REASONS = 24
# No value from Kraken is longer. A longer one must not push other columns out of the window.
_MAX_SYMBOL, _MAX_STATUS, _MAX_PRICE = 24, 12, 32
_MAX_VENUE = 10


class OverviewRows:
    """Formats the rows of `/books`."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self._widths = {column.name: max(len(column.head), 1) for column in _COLUMNS}
        self._widths["age"] = len("119 s")
        self._has_venues = False
        # A stream may change a status before the next answer of `/books` widens the column.
        self._widths["status"] = len("syncing")

    def widen(self, books: Sequence[PolledBook], ladders: int) -> None:
        """Widen the columns for `books` and for the number of `ladders`; they never shrink.

        If the books are of several venues, the table has a column for them.
        """
        self._has_venues = len({venue_of(book.symbol) for book in books}) > 1
        for book in books:
            for name, text in self._cells(book, ladders, None).items():
                self._widths[name] = max(self._widths[name], len(text))

    @property
    def width(self) -> int:
        """The width of all columns in cells."""
        return self._width(self._all_columns)

    def head(self, width: int) -> list[Piece]:
        """Return the names of the columns."""
        columns = self._columns(width)
        spread = self._spread(columns, width)
        text = "".join(self._cell(column, column.head, spread) for column in columns)
        return [(text, self._palette.muted)]

    def line(
        self,
        book: PolledBook,
        ladder: int | None,
        now: float,
        width: int,
        *,
        is_known: bool,
        has_cursor: bool,
    ) -> list[Piece]:
        """Return the row of a book. If the book is not live, its reason follows if there is room.

        Args:
            book: The book.
            ladder: The number of the book's ladder, None if it has none.
            now: The current time by the poll's clock.
            width: The width of the row in cells.
            is_known: Whether `/books` answers. If not, the values are dimmed.
            has_cursor: Whether the cursor is on this row.
        """
        columns = self._columns(width)
        spread = self._spread(columns, width)
        cells = self._cells(book, ladder, book.age(now))
        cells["cursor"] = CURSOR if has_cursor else ""
        styles = self._styles(book, is_known=is_known, is_open=ladder is not None)
        pieces = [
            (self._cell(column, cells[column.name], spread), styles[column.name])
            for column in columns
        ]
        room = width - sum(len(text) for text, _ in pieces) - 2
        if book.status != "live" and room >= _MIN_REASON:
            reason = explain(book.status, book.reason, venue_of(book.symbol))
            pieces.append((f"  {fitted(reason, room)}", self._palette.warn))
        return self._under_cursor(pieces, width) if has_cursor else pieces

    def _styles(self, book: PolledBook, *, is_known: bool, is_open: bool) -> dict[str, Style]:
        palette = self._palette
        styles = {column.name: palette.text for column in _COLUMNS}
        mark = {"live": palette.good, "refused": palette.bad}.get(book.status, palette.warn)
        styles |= {"mark": mark, "status": palette.text, "ladder": palette.muted}
        styles["venue"] = palette.muted
        styles |= {"bid": palette.bid.price, "ask": palette.ask.price, "seq": palette.muted}
        styles["symbol"] = palette.strong if is_open else palette.text
        if book.status != "live" or not is_known:
            styles |= dict.fromkeys(("bid", "ask", "spread", "seq", "age"), palette.unsure)
        if not is_known:
            styles |= dict.fromkeys(("mark", "status"), palette.unsure)
        return styles

    def _under_cursor(self, pieces: list[Piece], width: int) -> list[Piece]:
        rest = width - sum(len(text) for text, _ in pieces)
        pieces.append((" " * rest, self._palette.ground))
        return [(text, style + self._palette.cursor) for text, style in pieces]

    @property
    def _all_columns(self) -> list[_Column]:
        return [each for each in _COLUMNS if self._has_venues or each.name != "venue"]

    def _columns(self, width: int) -> list[_Column]:
        columns = self._all_columns
        for name in _DISPENSABLE:
            if self._width(columns) <= width:
                break
            columns = [column for column in columns if column.name != name]
        return columns

    def _spread(self, columns: Sequence[_Column], width: int) -> int:
        """Return by how many cells each gap is wider than its minimum."""
        gaps = sum(column.gap > 1 for column in columns)
        room = width - self._width(columns) - _ROOM_FOR_REASONS
        return max(min(room // gaps, _MAX_SPREAD), 0)

    def _width(self, columns: Sequence[_Column]) -> int:
        return sum(column.gap + self._widths[column.name] for column in columns)

    def _cell(self, column: _Column, text: str, spread: int) -> str:
        align = right if column.is_number else left
        gap = column.gap + (spread if column.gap > 1 else 0)
        return " " * gap + align(text, self._widths[column.name])

    def _cells(self, book: PolledBook, ladder: int | None, age: float | None) -> dict[str, str]:
        name = pair_of(book.symbol) if self._has_venues else book.symbol
        return {
            "cursor": "",
            "ladder": "" if ladder is None else str(ladder),
            "venue": fitted(venue_of(book.symbol), _MAX_VENUE),
            "symbol": fitted(name, _MAX_SYMBOL),
            "mark": MARKS.get(book.status, "?"),
            "status": fitted(book.status, _MAX_STATUS),
            "bid": fitted(book.best_bid.price, _MAX_PRICE) if book.best_bid else NOTHING,
            "ask": fitted(book.best_ask.price, _MAX_PRICE) if book.best_ask else NOTHING,
            "spread": fitted(book.spread or NOTHING, _MAX_PRICE),
            "seq": NOTHING if book.seq is None else str(book.seq),
            "age": age_text(age),
        }
