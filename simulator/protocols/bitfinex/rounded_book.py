"""A book at five significant digits: its levels, its checksum, and how one becomes another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple
from zlib import crc32

from simulator.market.instrument import SimulatedInstrument
from simulator.market.market import Market
from simulator.market.side import MarketSide
from simulator.protocols.bitfinex.numbers import javascript_text

CHECKSUM_LEVELS = 25
_DIGITS = 5


class RoundedLevel(NamedTuple):
    """A price with the number of its orders and their amount, which is negative for asks."""

    price: int
    orders: int
    amount: int

    def text(self, instrument: SimulatedInstrument) -> str:
        """Return the level as a JSON array."""
        price = javascript_text(self.price, instrument.price_precision)
        # The amount of a deleted level is a sign, not a quantity.
        decimals = instrument.qty_precision if self.orders else 0
        return f"[{price},{self.orders},{javascript_text(self.amount, decimals)}]"


class RoundedBook(NamedTuple):
    """The best levels of both sides by price, best first."""

    bids: dict[int, RoundedLevel]
    asks: dict[int, RoundedLevel]

    @classmethod
    def of(cls, market: Market, depth: int) -> RoundedBook:
        """Return the best levels of a market."""
        return cls(_levels(market.bids, depth), _levels(market.asks, depth))

    def after_move(self, market: Market, depth: int) -> RoundedBook:
        """Return the best levels after a move of the market, which this book has before it."""
        return RoundedBook(
            self.bids if _is_beyond(market.bids, self.bids, depth) else _levels(market.bids, depth),
            self.asks if _is_beyond(market.asks, self.asks, depth) else _levels(market.asks, depth),
        )

    def levels(self) -> list[RoundedLevel]:
        """Return the bids, then the asks."""
        return [*self.bids.values(), *self.asks.values()]

    def changes_to(self, after: RoundedBook) -> Iterator[RoundedLevel]:
        """Yield the levels that make this book another one, first those that are deleted."""
        sides = ((1, self.bids, after.bids), (-1, self.asks, after.asks))
        # Most moves leave one side as it was.
        changed = [each for each in sides if each[1] is not each[2]]
        for sign, before, now in changed:
            for price in before:
                if price not in now:
                    yield RoundedLevel(price, 0, sign)
        for _, before, now in changed:
            for price, level in now.items():
                if before.get(price) != level:
                    yield level

    def checksum(self, instrument: SimulatedInstrument) -> int:
        """Return the signed CRC-32 of prices and amounts, a bid and an ask by turns."""
        texts = []
        for pair in zip_longest(
            list(self.bids.values())[:CHECKSUM_LEVELS], list(self.asks.values())[:CHECKSUM_LEVELS]
        ):
            for level in pair:
                if level is not None:
                    texts.append(javascript_text(level.price, instrument.price_precision))
                    texts.append(javascript_text(level.amount, instrument.qty_precision))
        value = crc32(":".join(texts).encode())
        return value - 2**32 if value >= 2**31 else value


def significant(units: int, sign: int) -> int:
    """Return a price at five significant digits.

    Args:
        units: The price in ticks.
        sign: -1 for bids, which are rounded down, 1 for asks, which are rounded up.

    """
    step: int = 10 ** max(0, len(str(units)) - _DIGITS)
    return units // step * step if sign < 0 else -(-units // step) * step


def _is_beyond(side: MarketSide, levels: dict[int, RoundedLevel], depth: int) -> bool:
    """Return whether a move has changed no level of a window."""
    if not side.touched:
        return True
    if len(levels) < depth:
        return False
    best = significant(min(side.touched)[0] * side.sign, side.sign)
    worst = next(reversed(levels))
    return best * side.sign > worst * side.sign


def _levels(side: MarketSide, depth: int) -> dict[int, RoundedLevel]:
    levels: dict[int, RoundedLevel] = {}
    for key, lots in side.lots.items():
        price = significant(key * side.sign, side.sign)
        amount = -lots * side.sign
        if price in levels:
            held = levels[price]
            levels[price] = RoundedLevel(price, held.orders + 1, held.amount + amount)
        elif len(levels) == depth:
            break
        else:
            # Some prices have several orders.
            levels[price] = RoundedLevel(price, 1 + lots % 3, amount)
    return levels
