"""Two lines for the cost to fill an order: its side and quantity, and the result."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key

from kraken_book.client import LiveBook
from kraken_book.precision import MAX_TEXT
from kraken_book.symbols import pair_of
from kraken_book.terminal.board import Board
from kraken_book.terminal.fill import Fill, Side, fill_order, parse_amount, suggested_amount
from kraken_book.terminal.frame import Piece
from kraken_book.terminal.ladders import Ladders
from kraken_book.terminal.palette import Palette
from kraken_book.terminal.text_line import TextLine, Words
from kraken_book.terminal.texts import count_text, counted, first_that_fits, split_zeros

COST_LINES = 2
AMOUNT_FAULT = "type a quantity above zero, such as 2.5"
NO_BOOK = "waiting for bids and asks"


class CostLine(Vertical, can_focus=True):
    """Computes an order at the ladder with the focus; its own focus gives it the keys of digits.

    Before a quantity is typed, it is that of a few levels of the ladder's book.

    Args:
        board: The books.
        ladders: The ladders, for the symbol.
        palette: The styles.
    """

    DEFAULT_CSS = "CostLine { width: 1fr; height: 2; overflow: hidden; display: none; }"

    def __init__(self, board: Board, ladders: Ladders, palette: Palette) -> None:
        super().__init__()
        self.side: Side = "buy"
        self.amount = ""
        """The quantity as it was typed."""
        self._board = board
        self._ladders = ladders
        self._palette = palette
        self._order, self._result = TextLine(palette.ground), TextLine(palette.ground)
        self._is_typed = False
        self._suggested_for: str | None = None

    @property
    def height(self) -> int:
        """The lines that it takes."""
        return COST_LINES if self.display else 0

    def compose(self) -> ComposeResult:
        """Yield the order and the result."""
        yield self._order
        yield self._result

    def toggle(self) -> None:
        """Open or close the lines."""
        self.display = not self.display
        if self.display:
            self.focus()
            self.update_cost()
        else:
            self.screen.set_focus(None)

    def on_key(self, event: Key) -> None:
        """Change the quantity or the side; other keys are those of the app."""
        character = event.character or ""
        if event.key == "space":
            self.side = "sell" if self.side == "buy" else "buy"
        elif event.key == "backspace":
            self._type(self.amount[:-1])
        elif event.key == "delete":
            self._type("")
        elif character in "0123456789" and character:
            self._type(self.amount + character if self._is_typed else character)
        elif character == ".":
            self._type(f"{self.amount if self._is_typed else ''}.")
        else:
            return
        event.stop()
        event.prevent_default()
        self.update_cost()

    def update_cost(self) -> None:
        """Compute the order again, if the lines are open."""
        if not self.display:
            return
        symbol = self._ladders.symbol
        live = self._board.live(symbol) if symbol is not None else None
        if not self._is_typed and symbol != self._suggested_for:
            self.amount = suggested_amount(live.asks) if live else ""
            self._suggested_for = symbol if self.amount else None
        self._order.show(self._order_words(symbol))
        self._result.show(self._result_words(symbol, live))

    def _type(self, amount: str) -> None:
        if len(amount) <= MAX_TEXT and amount.count(".") <= 1:
            self.amount, self._is_typed = amount, True

    def _order_words(self, symbol: str | None) -> Words:
        palette = self._palette
        words: list[list[Piece]] = [
            [
                (" ▸ ", palette.focus),
                (self.side, palette.strong),
                (f" {self.amount}_", palette.strong),
            ]
        ]
        if symbol is not None:
            words.append([(f" {symbol}", palette.text)])
        words.append([("  cost to fill ", palette.muted)])
        for key, effect in (("Space", "buy or sell"), ("0-9 .", "quantity"), ("c", "close")):
            words.append([(f" {key}", palette.focus), (f" {effect} ", palette.muted)])
        return words

    def _result_words(self, symbol: str | None, live: LiveBook | None) -> Words:
        palette, amount = self._palette, parse_amount(self.amount)
        if symbol is None:
            return [[("   no ladder is open", palette.warn)]]
        verdict = self._board.verdict(symbol)
        if verdict.reason is not None or live is None or live.precision is None:
            return [[(f"   {verdict.status}, not live: no cost", palette.warn)]]
        if amount is None:
            return [[(f"   {AMOUNT_FAULT}", palette.warn)]]
        bids, asks = live.bids, live.asks
        fill = fill_order(self.side, amount, bids, asks, live.precision)
        if fill is None:
            return [[(f"   {NO_BOOK}", palette.warn)]]
        depth = len(asks if self.side == "buy" else bids)
        base, _, quote = pair_of(symbol).partition("/")
        if not fill.is_filled:
            text = first_that_fits(shortage_texts(fill, base, depth), max(self.size.width - 3, 1))
            return [[(f" ▲ {text}", palette.warn)]]
        return self._figures(fill, depth, quote)

    def _figures(self, fill: Fill, depth: int, quote: str) -> Words:
        palette = self._palette
        named = [
            ("average", fill.average),
            ("slippage", f"{fill.points} bp"),
            ("takes", f"{count_text(fill.levels)} of {counted(depth, 'level')}"),
            ("total", f"{split_zeros(fill.total)[0]} {quote}"),
        ]
        gaps = ("   ", *[" · "] * (len(named) - 1))
        return [
            [(f"{gap}{name} ", palette.muted), (text, palette.strong)]
            for gap, (name, text) in zip(gaps, named, strict=True)
        ]


def shortage_texts(fill: Fill, base: str, depth: int) -> list[str]:
    """Return why an order is not filled, the longest text first."""
    begin = "not enough depth in the window"
    filled, rest = split_zeros(fill.filled)[0], split_zeros(fill.unfilled)[0]
    return [
        f"{begin}: its {counted(depth, 'level')} have {filled} {base}, and {rest} {base} is left. "
        "The venue may have more.",
        f"{begin}: its {counted(depth, 'level')} have {filled} {base}",
        f"{begin}: it has {filled} {base}",
        begin,
    ]
