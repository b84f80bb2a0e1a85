"""One side of a full book: price levels in order, best first, and what one frame did to them."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TypeAlias

Level: TypeAlias = tuple[int, int]
"""A price in ticks and a quantity in lots; zero lots remove the price."""


class Side:
    """Levels under keys that sort best first on both sides: the price of an ask, minus it of a bid.

    Args:
        sign: 1 for asks, -1 for bids; a key times the sign is the price in ticks.

    """

    __slots__ = ("keys", "lots", "sign", "touched")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.lots: dict[int, int] = {}
        self.touched: list[Level] = []
        """The changes of this frame in their order, as (key, lots); a key may come again."""

    def begin(self) -> None:
        """Start a frame."""
        self.touched = []

    def put(self, key: int, lots: int) -> None:
        """Set the quantity of a level, which may be new."""
        if key not in self.lots:
            insort(self.keys, key)
        self.lots[key] = lots
        self.touched.append((key, lots))

    def drop(self, key: int) -> None:
        """Remove a level that is there."""
        del self.lots[key]
        del self.keys[bisect_left(self.keys, key)]
        self.touched.append((key, 0))

    def scale(self, price_factor: int, qty_factor: int) -> None:
        """Count in smaller ticks and lots."""
        self.lots = {key * price_factor: lots * qty_factor for key, lots in self.lots.items()}
        self.keys = [key * price_factor for key in self.keys]
        self.touched = []

    def top(self, depth: int) -> list[Level]:
        """The best levels as (price, lots), best first."""
        return [(key * self.sign, self.lots[key]) for key in self.keys[:depth]]

    def worst(self, depth: int) -> int | None:
        """The key of the last level that a window of this depth holds; None if it is not full."""
        return self.keys[depth - 1] if len(self.keys) >= depth else None
