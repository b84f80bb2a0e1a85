"""One level as a line: its price, its quantity, the total up to it, and a bar.

The decimal points of all levels are aligned. A bar shows the quantity that is offered up to its
level, and so does the total. It consists of block characters, which need no colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from textual.strip import Strip

from kraken_book.level import Level
from kraken_book.precision import to_text
from kraken_book.terminal.frame import Piece, TextFrame
from kraken_book.terminal.palette import Palette, SideStyles
from kraken_book.terminal.texts import fitted, split_zeros

# A bar of fewer cells shows no difference between levels.
MIN_BAR = 3
# Unless the user wants them, totals are shown only beside a bar of so many cells.
COMFORTABLE_BAR = 16
_FULL = "█"
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")

_Look = tuple[Level, str, str, bool, int, bool]


class LevelLines:
    """Writes the levels of one symbol into the lines of a frame."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        # The widths of the longest price and quantity so far. They only grow, so that the columns
        # do not jump.
        self._price_width = self._qty_width = self._total_width = 0
        self._decimals = 0
        self._wants_totals: bool | None = None
        # The lines of this painting and the last one. Lines of unchanged levels are reused.
        self._made: dict[_Look, Strip] = {}
        self._made_before: dict[_Look, Strip] = {}

    def begin(
        self, asks: Sequence[Level], bids: Sequence[Level], *, wants_totals: bool | None = None
    ) -> None:
        """Begin a painting of these levels: widen the columns for them.

        Args:
            asks: The asks, best first.
            bids: The bids, best first.
            wants_totals: Whether the user wants totals; None shows them in a wide frame.
        """
        self._made, self._made_before = {}, self._made
        self._wants_totals = wants_totals
        for side in (asks, bids):
            if side:
                self._decimals = len(side[0].qty.partition(".")[2])
                total = to_text(sum(level.lots for level in side), self._decimals)
                self._total_width = max(self._total_width, len(total), len("total"))
        for level in (*asks, *bids):
            if len(level.price) > self._price_width or len(level.qty) > self._qty_width:
                self._price_width = max(self._price_width, len(level.price))
                self._qty_width = max(self._qty_width, len(level.qty))
                self._made_before = {}

    def heads(self, frame: TextFrame) -> Strip:
        """Return the names of the columns."""
        text = f" {'price':>{self._price_width}}  {'quantity':>{self._qty_width}} "
        if self.has_totals(frame):
            text += f" {'total':>{self._total_width}} "
        if self._bar_room(frame) >= len("depth"):
            text += "depth"
        return frame.line([(text, self._palette.muted)])

    def live(
        self, frame: TextFrame, levels: Sequence[Level], whole: int, side: SideStyles
    ) -> list[Strip]:
        """Return the lines of a live book's levels, best first.

        Args:
            frame: The frame around the lines.
            levels: The levels of one side.
            whole: The lots of a full bar.
            side: The styles of the side.
        """
        room, has_totals = self._bar_room(frame), self.has_totals(frame)
        lines: list[Strip] = []
        for level, total in zip(levels, cumulative(levels), strict=True):
            bar = depth_bar(total, whole, room) if room >= MIN_BAR else ""
            text = to_text(total, self._decimals) if has_totals else ""
            is_best = not lines
            look = (level, text, bar, is_best, frame.inner, frame.has_focus)
            line = self._made_before.get(look) or self._line(frame, look, side)
            self._made[look] = line
            lines.append(line)
        return lines

    def dimmed(self, frame: TextFrame, levels: Sequence[Level]) -> list[Strip]:
        """Return the lines of the last known levels of a book that is not live."""
        style = self._palette.unsure
        return [frame.line([(self._text(level, frame), style)]) for level in levels]

    def has_totals(self, frame: TextFrame) -> bool:
        """Return whether the frame has a column of totals."""
        if self._wants_totals is False or not self._total_width:
            return False
        room = self._room(frame) - self._total_width - 2
        return room >= (MIN_BAR if self._wants_totals else COMFORTABLE_BAR)

    def _line(self, frame: TextFrame, look: _Look, side: SideStyles) -> Strip:
        level, total, bar, is_best, _, _ = look
        palette = self._palette
        digits, zeros = split_zeros(self._qty(level, frame))
        pieces: list[Piece] = [
            (self._price(level), side.best if is_best else side.price),
            (digits, palette.strong if is_best else palette.text),
            (f"{zeros} ", palette.zeros),
        ]
        if total:
            digits, zeros = split_zeros(f"{total:>{self._total_width}}")
            pieces += [(f" {digits}", palette.muted), (f"{zeros} ", palette.zeros)]
        pieces.append((bar, side.bar))
        return frame.line(pieces, sum(len(text) for text, _ in pieces))

    def _text(self, level: Level, frame: TextFrame) -> str:
        return self._price(level) + self._qty(level, frame)

    def _price(self, level: Level) -> str:
        return f" {level.price:>{self._price_width}}  "

    def _qty(self, level: Level, frame: TextFrame) -> str:
        return fitted(f"{level.qty:>{self._qty_width}}", frame.inner - self._price_width - 3)

    def _bar_room(self, frame: TextFrame) -> int:
        totals = self._total_width + 2 if self.has_totals(frame) else 0
        return self._room(frame) - totals

    def _room(self, frame: TextFrame) -> int:
        return frame.inner - self._price_width - self._qty_width - 4


def depth_bar(part: int, whole: int, width: int) -> str:
    """Return a bar for `part` of `whole` in `width` cells, rounded down to an eighth of a cell.

    A part that is not zero has at least an eighth.
    """
    if part <= 0 or whole <= 0 or width <= 0:
        return ""
    # Integer arithmetic, because a float cannot represent large numbers of lots exactly.
    eighths = max(1, min(part, whole) * width * 8 // whole)
    return _FULL * (eighths // 8) + _EIGHTHS[eighths % 8]


def cumulative(levels: Sequence[Level]) -> list[int]:
    """Return the sum of the lots up to each of `levels`, which are best first."""
    return list(accumulate(level.lots for level in levels))
