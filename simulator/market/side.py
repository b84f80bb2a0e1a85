"""One side of a full book: its levels in order, and the changes of the current frame."""

from __future__ import annotations

from sortedcontainers import SortedDict

from simulator.market.instrument import Level


class MarketSide:
    """The levels of a side, with keys that sort best first: the ask's price, or minus the bid's.

    Args:
        sign: 1 for asks, -1 for bids; a key times the sign is the price in ticks.

    """

    __slots__ = ("keys", "lots", "sign", "touched")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.lots: SortedDict[int, int] = SortedDict()
        self.keys = self.lots.keys()
        """The keys of all levels in order, which can be indexed and sliced."""
        self.touched: list[Level] = []
        """The changes of the current frame in order, as (key, lots); a key may occur twice."""

    def begin(self) -> None:
        """Start a frame without changes."""
        self.touched = []

    def put(self, key: int, lots: int) -> None:
        """Set the quantity of a new or existing level."""
        self.lots[key] = lots
        self.touched.append((key, lots))

    def drop(self, key: int) -> None:
        """Remove an existing level."""
        del self.lots[key]
        self.touched.append((key, 0))

    def scale(self, price_factor: int, qty_factor: int) -> None:
        """Convert the levels to smaller ticks and lots."""
        levels = [(key * price_factor, lots * qty_factor) for key, lots in self.lots.items()]
        self.lots.clear()
        self.lots.update(levels)
        self.touched = []

    def top(self, depth: int) -> list[Level]:
        """Return the best levels as (price, lots), best first."""
        return [(key * self.sign, self.lots[key]) for key in self.keys[:depth]]

    def worst(self, depth: int) -> int | None:
        """Return the key of the last level in a window of this depth, or None if it is not full."""
        return self.keys[depth - 1] if len(self.keys) >= depth else None
