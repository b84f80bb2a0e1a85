"""The simplest possible book, to compare other books with.

This module is an independent witness: it shares no code with the product. A side is a dict of
price texts to quantity texts; everything else sorts and slices it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from zlib import crc32

TextLevel = tuple[str, str]


def text_of(units: int, precision: int) -> str:
    """Return `units` of 10**-precision as a text with exactly `precision` decimals."""
    digits = str(units).zfill(precision + 1)
    cut = len(digits) - precision
    return f"{digits[:cut]}.{digits[cut:]}" if precision else digits


class NaiveBook:
    """A book of decimal texts; it keeps the best `depth` levels of each side."""

    def __init__(self, depth: int = 10) -> None:
        self.depth = depth
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def frame(self, bids: Iterable[TextLevel] = (), asks: Iterable[TextLevel] = ()) -> None:
        """Apply every level in order, then keep the best `depth` of each side."""
        for name, levels in (("bids", bids), ("asks", asks)):
            side = self.sides[name]
            for price, qty in levels:
                side[price] = qty
                if not Decimal(qty):
                    del side[price]
            self.sides[name] = dict(self._sorted(name)[: self.depth])

    def snapshot(self, bids: Iterable[TextLevel], asks: Iterable[TextLevel]) -> None:
        """Clear the book, then apply a frame."""
        self.sides = {"bids": {}, "asks": {}}
        self.frame(bids, asks)

    def _sorted(self, name: str) -> list[TextLevel]:
        best_first = sorted(self.sides[name].items(), key=lambda level: Decimal(level[0]))
        return best_first[::-1] if name == "bids" else best_first

    @property
    def bids(self) -> list[TextLevel]:
        """The bids, best first."""
        return self._sorted("bids")

    @property
    def asks(self) -> list[TextLevel]:
        """The asks, best first."""
        return self._sorted("asks")

    @property
    def checksum_text(self) -> str:
        """The text that Kraken's checksum covers."""
        levels = self.asks[:10] + self.bids[:10]
        return "".join(text.replace(".", "").lstrip("0") for level in levels for text in level)

    @property
    def checksum(self) -> int:
        """Kraken's checksum of the book."""
        return crc32(self.checksum_text.encode())

    @property
    def crossed(self) -> bool:
        """Whether the best bid is not below the best ask."""
        return bool(
            self.bids and self.asks and Decimal(self.bids[0][0]) >= Decimal(self.asks[0][0])
        )


def side_json(levels: Iterable[TextLevel]) -> str:
    """Return a side as the JSON that Redis stores: `[["price","qty"]]` without spaces."""
    return json.dumps([list(level) for level in levels], separators=(",", ":"))
