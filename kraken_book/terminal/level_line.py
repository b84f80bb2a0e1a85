"""One level as a line: price and quantity with their decimals below each other, then a bar.

A bar shows how much is offered up to the level. It is of block characters, which need no colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from textual.strip import Strip

from kraken_book.level import Level
from kraken_book.terminal.frame import Piece, TextFrame
from kraken_book.terminal.palette import Palette, SideStyles
from kraken_book.terminal.texts import fitted, split_zeros

# A bar of fewer cells says nothing.
MIN_BAR = 3
_FULL = "█"
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")

_Look = tuple[Level, str, bool, int, bool]


class LevelLines:
    """Writes the levels of one symbol into the lines of a frame."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        # The longest price and quantity so far: they only grow, so that nothing jumps.
        self._price_width = self._qty_width = 0
        # Most levels look as they did the last time, and making a line is what painting costs.
        self._made: dict[_Look, Strip] = {}
        self._made_before: dict[_Look, Strip] = {}

    def begin(self, asks: Sequence[Level], bids: Sequence[Level]) -> None:
        """Make room for these levels, which are drawn next."""
        self._made, self._made_before = {}, self._made
        for level in (*asks, *bids):
            if len(level.price) > self._price_width or len(level.qty) > self._qty_width:
                self._price_width = max(self._price_width, len(level.price))
                self._qty_width = max(self._qty_width, len(level.qty))
                self._made_before = {}

    def heads(self, frame: TextFrame) -> Strip:
        """Return the names of the columns."""
        text = f" {'price':>{self._price_width}}  {'quantity':>{self._qty_width}} "
        if self._bar_room(frame) >= MIN_BAR:
            text += "depth"
        return frame.line([(text, self._palette.muted)])

    def sure(
        self, frame: TextFrame, levels: Sequence[Level], whole: int, side: SideStyles
    ) -> list[Strip]:
        """Levels that are known to be right, best first; a bar is full at `whole` lots."""
        room = self._bar_room(frame)
        lines: list[Strip] = []
        for level, total in zip(levels, cumulative(levels), strict=True):
            bar = depth_bar(total, whole, room) if room >= MIN_BAR else ""
            is_best = not lines
            look = (level, bar, is_best, frame.inner, frame.has_focus)
            line = self._made_before.get(look) or self._line(frame, level, bar, side, is_best)
            self._made[look] = line
            lines.append(line)
        return lines

    def unsure(self, frame: TextFrame, levels: Sequence[Level]) -> list[Strip]:
        """Levels of a book that is not live: the last known ones, and no more."""
        style = self._palette.unsure
        return [frame.line([(self._text(level, frame), style)]) for level in levels]

    def _line(
        self, frame: TextFrame, level: Level, bar: str, side: SideStyles, is_best: bool
    ) -> Strip:
        palette = self._palette
        digits, zeros = split_zeros(self._qty(level, frame))
        pieces: list[Piece] = [
            (self._price(level), side.best if is_best else side.price),
            (digits, palette.strong if is_best else palette.text),
            (f"{zeros} ", palette.zeros),
            (bar, side.bar),
        ]
        return frame.line(pieces, sum([len(text) for text, _ in pieces]))

    def _text(self, level: Level, frame: TextFrame) -> str:
        return self._price(level) + self._qty(level, frame)

    def _price(self, level: Level) -> str:
        return f" {level.price:>{self._price_width}}  "

    def _qty(self, level: Level, frame: TextFrame) -> str:
        return fitted(f"{level.qty:>{self._qty_width}}", frame.inner - self._price_width - 3)

    def _bar_room(self, frame: TextFrame) -> int:
        return frame.inner - self._price_width - self._qty_width - 4


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
