"""A pair and the precisions of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Level: TypeAlias = tuple[int, int]
"""A price in ticks and a quantity in lots; zero lots remove the price."""


@dataclass(frozen=True)
class SimulatedInstrument:
    """A pair and the precisions of its numbers."""

    symbol: str
    """The pair as BASE/QUOTE; a venue's protocol knows the venue's spelling."""
    price_precision: int
    qty_precision: int
    qty_min: int
    """The smallest order, in lots."""
    status: str = "online"

    @property
    def base(self) -> str:
        """The asset that is traded."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The asset in which the price is given."""
        return self.symbol.partition("/")[2]
