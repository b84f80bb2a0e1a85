"""The profiles of the synthetic markets, and made-up ones for other well-formed symbols."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from simulator.market.instrument import SimulatedInstrument

_SYMBOL = re.compile(r"[A-Z0-9._-]{1,40}/[A-Z0-9._-]{1,40}")
_MIN_PRICE = 100
"""The minimum of a first price, in ticks: nearer to zero a market has no room to move."""
_RENAMED = {"XBT": "BTC", "XDG": "DOGE"}


@dataclass(frozen=True)
class Profile:
    """The initial shape of a market, to which it tends to return."""

    symbol: str
    price_precision: int
    qty_precision: int
    price: int
    """The first mid-price, in ticks."""
    spread: int
    """The usual spread, in ticks."""
    gap: int
    """The usual distance of neighbouring levels near the top, in ticks."""
    lots: int
    """The usual quantity of a level, in lots."""
    levels: int
    """The maximum of levels of a side."""
    weight: float
    """The frequency of the market's moves, relative to the other markets."""
    may_empty: bool = False
    """Whether a side is sometimes empty for a moment."""
    widening: int = 100
    """The number of levels after which the usual distance has grown by `gap`."""

    def at(self, price_precision: int, qty_precision: int) -> Profile:
        """Return the same market at other precisions.

        Raises:
            ValueError: With so few decimals the price is too few ticks.

        """
        price = _scaled(self.price, price_precision - self.price_precision)
        if price < _MIN_PRICE:
            raise ValueError(
                f"price={price_precision}: too few decimals for {self.symbol}, whose price would"
                f" be {price} ticks: use more decimals"
            )
        return replace(
            self,
            price_precision=price_precision,
            qty_precision=qty_precision,
            price=price,
            spread=_scaled(self.spread, price_precision - self.price_precision),
            gap=_scaled(self.gap, price_precision - self.price_precision),
            lots=_scaled(self.lots, qty_precision - self.qty_precision),
            # The bids must end above zero.
            levels=min(self.levels, price // 4),
        )

    def with_levels(self, levels: int) -> Profile:
        """Return the same market with so many levels a side, which all fit above zero."""
        return replace(
            self,
            levels=min(levels, self.price // 4),
            gap=max(1, min(self.gap, self.price // (4 * levels))),
            widening=max(self.widening, levels),
        )

    @property
    def instrument(self) -> SimulatedInstrument:
        """The pair for the instrument channel."""
        # A 2,000th of a usual level, rounded to a 5 with zeros: 5e-05 for BTC.
        qty_min = max(1, 5 * 10 ** (len(str(self.lots)) - 5)) if self.lots >= 10**5 else 1
        return SimulatedInstrument(self.symbol, self.price_precision, self.qty_precision, qty_min)


_PROFILES = (
    #        symbol   precisions      price spread gap            lots levels weight
    Profile("BTC/USD", 1, 8, 633_810, 1, 8, 10_000_000, 1500, 20),
    Profile("ETH/USD", 2, 8, 342_155, 1, 10, 80_000_000, 1500, 14),
    Profile("SOL/USD", 2, 8, 16_432, 1, 2, 1_200_000_000, 1200, 10),
    Profile("XRP/USD", 5, 8, 213_456, 2, 8, 200_000_000_000, 1200, 8),
    Profile("DOGE/USD", 7, 8, 1_712_345, 5, 60, 1_000_000_000_000, 1000, 6),
    Profile("ADA/USD", 6, 8, 645_123, 6, 20, 150_000_000_000, 1000, 5),
    Profile("LTC/USD", 2, 8, 8_512, 1, 2, 1_000_000_000, 600, 4),
    Profile("LINK/USD", 5, 8, 1_423_456, 90, 120, 5_000_000_000, 800, 4),
    Profile("DOT/USD", 4, 8, 39_876, 3, 4, 20_000_000_000, 600, 3),
    Profile("AVAX/USD", 2, 8, 2_134, 1, 1, 5_000_000_000, 300, 3),
    Profile("PEPE/USD", 9, 8, 9_870, 2, 3, 20_000_000_000_000_000, 700, 5),
    Profile("SHIB/USD", 8, 8, 1_234, 1, 1, 8_000_000_000_000_000, 300, 4),
    Profile("BONK/USD", 8, 5, 2_187, 1, 1, 2_000_000_000_000, 300, 3),
    Profile("USDT/USD", 5, 8, 99_987, 1, 1, 1_500_000_000_000, 400, 4),
    Profile("EUR/USD", 5, 8, 108_123, 2, 3, 300_000_000_000, 500, 3),
    Profile("BTC/EUR", 1, 8, 585_920, 2, 10, 8_000_000, 1200, 8),
    Profile("ETH/EUR", 2, 8, 316_270, 3, 12, 60_000_000, 1000, 5),
    Profile("ETH/BTC", 5, 8, 5_398, 1, 1, 200_000_000, 600, 3),
    Profile("SOL/BTC", 7, 8, 25_926, 9, 6, 900_000_000, 400, 2),
    Profile("BTC/JPY", 0, 8, 9_512_345, 400, 500, 2_000_000, 200, 1),
    Profile("XMR/USD", 2, 8, 29_876, 5, 6, 150_000_000, 400, 2),
    Profile("TRX/USD", 6, 8, 312_345, 8, 12, 300_000_000_000, 500, 2),
    Profile("ATOM/USD", 4, 8, 43_210, 6, 5, 6_000_000_000, 400, 2),
    Profile("MINA/GBP", 4, 8, 1_523, 6, 4, 40_000_000_000, 4, 0.5, may_empty=True),
)
CATALOGUE = {profile.symbol: profile for profile in _PROFILES}


def profile_of(symbol: str) -> Profile:
    """Return the profile of a symbol from the catalogue, or one made up from the name alone.

    Raises:
        ValueError: The symbol is malformed, or has an asset's old name.

    """
    if not _SYMBOL.fullmatch(symbol):
        raise ValueError(f"{symbol!r} is not a symbol: use BASE/QUOTE in capitals, such as BTC/USD")
    for old in symbol.split("/"):
        if old in _RENAMED:
            new = symbol.replace(old, _RENAMED[old])
            raise ValueError(f"{symbol!r} has an old name that Kraken v2 refuses: use {new}")
    return CATALOGUE.get(symbol) or _made_up(symbol)


def _scaled(units: int, decimals: int) -> int:
    """Convert units to more decimals or, if negative, fewer; return at least one unit."""
    factor: int = 10 ** abs(decimals)
    return units * factor if decimals >= 0 else max(1, units // factor)


def _made_up(symbol: str) -> Profile:
    rng = random.Random(symbol)
    price = rng.randrange(5_000, 800_000)
    gap = max(1, price // rng.choice((3_000, 8_000, 20_000)))
    return Profile(
        symbol,
        price_precision=rng.randrange(1, 8),
        qty_precision=rng.choice((8, 8, 8, 5, 2)),
        price=price,
        spread=rng.randrange(1, 2 * gap + 1),
        gap=gap,
        lots=rng.randrange(1, 100) * 10 ** rng.randrange(4, 12),
        levels=rng.choice((40, 120, 300, 600)),
        weight=rng.choice((0.5, 1, 2)),
    )
