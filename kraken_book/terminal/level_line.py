"""One level as a line: price and quantity with their decimals below each other, then a bar."""

from __future__ import annotations

from collections.abc import Sequence

from kraken_book.level import Level
from kraken_book.terminal.depth_bar import depth_bar
from kraken_book.terminal.frame import Piece
from kraken_book.terminal.palette import Palette, SideStyles
from kraken_book.terminal.texts import fitted, split_zeros

# A bar of fewer cells says nothing.
LEAST_BAR = 3


class LevelLines:
    """Writes the levels of one symbol into lines of any width."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        # The longest price and quantity so far: they only grow, so that nothing jumps.
        self._price_width = self._qty_width = 0

    def widen(self, levels: Sequence[Level]) -> None:
        """Make room for `levels`."""
        for level in levels:
            self._price_width = max(self._price_width, len(level.price))
            self._qty_width = max(self._qty_width, len(level.qty))

    def sure(
        self, level: Level, side: SideStyles, width: int, share: tuple[int, int], *, is_best: bool
    ) -> list[Piece]:
        """A level that is known to be right; its bar shows `share`, a part of a whole."""
        palette = self._palette
        digits, zeros = split_zeros(self._qty(level, width))
        pieces: list[Piece] = [
            (self._price(level), side.best if is_best else side.price),
            (digits, palette.strong if is_best else palette.text),
            (f"{zeros} ", palette.zeros),
        ]
        room = width - sum(len(text) for text, _ in pieces)
        if room >= LEAST_BAR:
            pieces.append((depth_bar(*share, room), side.bar))
        return pieces

    def unsure(self, level: Level, width: int) -> list[Piece]:
        """A level of a book that is not live: last known, and no more."""
        return [(self._price(level) + self._qty(level, width), self._palette.unsure)]

    def _price(self, level: Level) -> str:
        return f" {level.price:>{self._price_width}}  "

    def _qty(self, level: Level, width: int) -> str:
        room = width - self._price_width - 3
        return fitted(f"{level.qty:>{self._qty_width}}", room)
