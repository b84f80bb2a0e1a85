"""Bitfinex's checksum of a book: the best 25 levels of each side, in Bitfinex's own texts.

Source: https://docs.bitfinex.com/docs/ws-websocket-checksum. Prices and amounts are written as
JavaScript writes numbers, so the texts of the frames are kept.
"""

from __future__ import annotations

from itertools import chain
from zlib import crc32

LEVELS = 25


class WireBook:
    """The levels of one book as the frames write them."""

    def __init__(self) -> None:
        # Amounts by price, both as texts; asks have their minus sign.
        self._sides: tuple[dict[str, str], dict[str, str]] = {}, {}

    def __len__(self) -> int:
        return sum(map(len, self._sides))

    def set(self, price: str, amount: str, *, is_bid: bool) -> None:
        """Set a level."""
        self._sides[not is_bid][price] = amount

    def remove(self, price: str, *, is_bid: bool) -> None:
        """Remove a level, if there is one."""
        self._sides[not is_bid].pop(price, None)

    def checksum(self) -> int:
        """Return the checksum, a signed 32-bit integer."""
        bids, asks = self._sides
        best = [
            sorted(bids.items(), key=lambda level: -float(level[0]))[:LEVELS],
            sorted(asks.items(), key=lambda level: float(level[0]))[:LEVELS],
        ]
        parts = [
            text for at in range(LEVELS) for side in best for text in chain(*side[at : at + 1])
        ]
        unsigned = crc32(":".join(parts).encode())
        return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned
