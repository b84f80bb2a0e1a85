"""The lines of the best prices: a summary, then the venues, each in as many lines as it needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style

from kraken_book.client.best import BestPrices, VenueLevel, VenuePrices
from kraken_book.level import Best
from kraken_book.terminal.best_poll import PolledBest
from kraken_book.terminal.frame import Piece
from kraken_book.terminal.palette import Palette, SideStyles
from kraken_book.terminal.texts import (
    MARKS,
    NOTHING,
    age_text,
    counted,
    first_that_fits,
    fitted,
    left,
    right,
)
from kraken_book.words import explain

# Stands before the best price of a side, because nothing may be shown by style only.
BEST = "best"
LEFT_OUT = ", left out"
_GAP = "  "
_INDENT = "   "
_CROSSED = (", crossed: the bid is not below the ask", ", crossed")
_NAME_WIDTH = len("best bid  ")
# No value of a venue is longer. A longer one must not push other columns out of the window.
_MAX_VENUE, _MAX_STATUS, _MAX_PROOF, _MAX_NUMBER = 10, 12, 17, 32
_AGE_WIDTH = len("119 min")
# A reason in fewer cells would be unreadable.
_MIN_REASON = 8


class _Decimals(NamedTuple):
    """A column of decimals, which are aligned at their points: the cells before and after."""

    before: int
    after: int

    @property
    def width(self) -> int:
        return self.before + self.after

    def cell(self, text: str) -> str:
        before, after = _split(text)
        return right(before, self.before) + left(after, self.after)


class _Columns(NamedTuple):
    venue: int
    bid: _Decimals
    bid_qty: _Decimals
    ask: _Decimals
    ask_qty: _Decimals
    spread: _Decimals
    proof: int
    status: int

    @property
    def bid_cells(self) -> tuple[_Decimals, _Decimals]:
        return self.bid, self.bid_qty

    @property
    def ask_cells(self) -> tuple[_Decimals, _Decimals]:
        return self.ask, self.ask_qty

    def head(self, *, is_wide: bool) -> str:
        """Return the names of the columns; `is_wide` includes those after the prices."""
        text = " " + left("venue", self.venue)
        for name, (price, qty) in (("bid", self.bid_cells), ("ask", self.ask_cells)):
            text += f"{_GAP}{'':{len(BEST)}} {right(name, price.width)}"
            text += f"{_GAP}{right('quantity', qty.width)}"
        if is_wide:
            text += f"{_GAP}{right('spread', self.spread.width)}{_GAP}{right('age', _AGE_WIDTH)}"
            text += f"{_GAP}{left('proof', self.proof)}{_GAP}{left('status', self.status)}"
        return text


class BestLines:
    """Formats answers of `/best`."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette

    def lines(self, answer: PolledBest, now: float, width: int) -> list[list[Piece]]:
        """Return the lines for a window.

        Args:
            answer: The answer.
            now: The current time by the poll's clock.
            width: The width of the window in cells.
        """
        prices = answer.prices
        columns = _columns(prices.venues)
        lines = [*self._summary(prices, width), []]
        wide, short = columns.head(is_wide=True), columns.head(is_wide=False)
        head = next((each for each in (wide, short) if len(each) <= width), None)
        if head is not None:
            lines.append([(head, self._palette.muted)])
        for book in prices.venues:
            age = age_text(answer.age(book, now))
            if head == wide:
                rows = self._one_line(book, age, prices, columns)
            elif head == short:
                rows = self._two_lines(book, age, prices, columns)
            else:
                rows = self._stacked(book, age, prices, columns)
            rows[-1] += self._reason(book, width - _width(rows[-1]))
            lines += rows
        return lines

    def _one_line(
        self, book: VenuePrices, age: str, prices: BestPrices, columns: _Columns
    ) -> list[list[Piece]]:
        palette = self._palette
        number = palette.text if book.status == "live" else palette.unsure
        (prices_line, _) = self._two_lines(book, age, prices, columns)
        return [
            [
                *prices_line,
                (f"{_GAP}{columns.spread.cell(book.spread or NOTHING)}", number),
                (f"{_GAP}{right(age, _AGE_WIDTH)}", number),
                (f"{_GAP}{left(book.proof or NOTHING, columns.proof)}{_GAP}", palette.muted),
                *self._status(book),
            ]
        ]

    def _two_lines(
        self, book: VenuePrices, age: str, prices: BestPrices, columns: _Columns
    ) -> list[list[Piece]]:
        spread, proof = _spread_and_proof(book)
        words = f"{_GAP}{spread}{_GAP}age {age}{_GAP}{proof}"
        return [
            [
                (f" {left(book.venue, columns.venue)}{_GAP}", self._name_style(book)),
                *self._bid(book, prices, columns),
                (_GAP, self._palette.text),
                *self._ask(book, prices, columns),
            ],
            [(_INDENT, self._palette.text), *self._status(book), (words, self._palette.muted)],
        ]

    def _stacked(
        self, book: VenuePrices, age: str, prices: BestPrices, columns: _Columns
    ) -> list[list[Piece]]:
        """Return the cells of a window that is too narrow for both sides in a line."""
        muted = self._palette.muted
        spread, proof = _spread_and_proof(book)
        return [
            [
                (f" {left(book.venue, columns.venue)}{_GAP}", self._name_style(book)),
                *self._status(book),
            ],
            [(f"{_INDENT}bid  ", muted), *self._bid(book, prices, columns)],
            [(f"{_INDENT}ask  ", muted), *self._ask(book, prices, columns)],
            [(f"{_INDENT}{spread}{_GAP}age {age}", muted)],
            [(f"{_INDENT}{proof}", muted)],
        ]

    def _summary(self, prices: BestPrices, width: int) -> list[list[Piece]]:
        """Return the best prices in words."""
        palette = self._palette
        live = sum(book.status == "live" for book in prices.venues)
        spread = f"{_name('spread')}{fitted(prices.spread or NOTHING, _MAX_NUMBER)}"
        crossed = ""
        if prices.is_crossed:
            crossed = first_that_fits(_CROSSED, max(width - len(spread), 0))
        return [
            self._best("bid", prices.bid, palette.bid),
            self._best("ask", prices.ask, palette.ask),
            [(spread, palette.text), (crossed, palette.warn)],
            [(f"{_name('live')}{live} of {counted(len(prices.venues), 'venue')}", palette.text)],
        ]

    def _best(self, side: str, level: VenueLevel | None, styles: SideStyles) -> list[Piece]:
        palette = self._palette
        name: Piece = (_name(f"{BEST} {side}"), palette.text)
        if level is None:
            return [name, (NOTHING, palette.unsure)]
        price = fitted(level.price, _MAX_NUMBER)
        return [
            name,
            (price, styles.best),
            (f" at {fitted(level.venue, _MAX_VENUE)}", palette.text),
        ]

    def _bid(self, book: VenuePrices, prices: BestPrices, columns: _Columns) -> list[Piece]:
        cells = columns.bid_cells
        return self._level(book, book.best_bid, prices.bid, cells, self._palette.bid)

    def _ask(self, book: VenuePrices, prices: BestPrices, columns: _Columns) -> list[Piece]:
        cells = columns.ask_cells
        return self._level(book, book.best_ask, prices.ask, cells, self._palette.ask)

    def _level(
        self,
        book: VenuePrices,
        level: Best | None,
        best: VenueLevel | None,
        cells: tuple[_Decimals, _Decimals],
        styles: SideStyles,
    ) -> list[Piece]:
        price_cells, qty_cells = cells
        is_best = best is not None and best.symbol == book.symbol
        price_style, qty_style = styles.best if is_best else styles.price, self._palette.text
        if book.status != "live":
            price_style = qty_style = self._palette.unsure
        return [
            (f"{left(BEST if is_best else '', len(BEST))} ", styles.best),
            (price_cells.cell(level.price if level else NOTHING), price_style),
            (f"{_GAP}{qty_cells.cell(level.qty if level else NOTHING)}", qty_style),
        ]

    def _name_style(self, book: VenuePrices) -> Style:
        return self._palette.text if book.status == "live" else self._palette.unsure

    def _status(self, book: VenuePrices) -> list[Piece]:
        palette = self._palette
        style = {"live": palette.good, "refused": palette.bad}.get(book.status, palette.warn)
        return [(f"{MARKS.get(book.status, '?')} ", style), (_status_text(book), palette.text)]

    def _reason(self, book: VenuePrices, room: int) -> list[Piece]:
        """Return why a book is not live, if there is room."""
        if book.status == "live" or room < _MIN_REASON + len(_GAP):
            return []
        reason = explain(book.status, book.reason, book.venue)
        return [(f"{_GAP}{fitted(reason, room - len(_GAP))}", self._palette.warn)]


def _spread_and_proof(book: VenuePrices) -> tuple[str, str]:
    spread, proof = fitted(book.spread or NOTHING, _MAX_NUMBER), book.proof or NOTHING
    return f"spread {spread}", f"proof {fitted(proof, _MAX_PROOF)}"


def _columns(books: Sequence[VenuePrices]) -> _Columns:
    """Return the columns that are as wide as their values and names."""
    bids = [book.best_bid for book in books if book.best_bid]
    asks = [book.best_ask for book in books if book.best_ask]
    return _Columns(
        venue=_widest("venue", (book.venue for book in books), _MAX_VENUE),
        bid=_decimals("bid", (level.price for level in bids)),
        bid_qty=_decimals("quantity", (level.qty for level in bids)),
        ask=_decimals("ask", (level.price for level in asks)),
        ask_qty=_decimals("quantity", (level.qty for level in asks)),
        spread=_decimals("spread", (book.spread for book in books if book.spread)),
        proof=_widest("proof", (book.proof or NOTHING for book in books), _MAX_PROOF),
        status=_widest("status", map(_status_text, books), _MAX_STATUS + len(LEFT_OUT)) + 2,
    )


def _decimals(name: str, texts: Iterable[str]) -> _Decimals:
    parts = [_split(text) for text in texts]
    after = min(max((len(after) for _, after in parts), default=0), _MAX_NUMBER)
    before = min(max((len(before) for before, _ in parts), default=1), _MAX_NUMBER)
    return _Decimals(max(before, len(name) - after), after)


def _split(text: str) -> tuple[str, str]:
    """Return the digits before the point of a decimal, and the point with those after it."""
    before, point, after = text.partition(".")
    return before, point + after


def _widest(name: str, texts: Iterable[str], most: int) -> int:
    return min(max([len(name), *map(len, texts)]), most)


def _status_text(book: VenuePrices) -> str:
    return fitted(book.status, _MAX_STATUS) + ("" if book.status == "live" else LEFT_OUT)


def _name(text: str) -> str:
    return f" {left(text, _NAME_WIDTH)}"


def _width(pieces: Iterable[Piece]) -> int:
    return sum(cell_len(text) for text, _ in pieces)
