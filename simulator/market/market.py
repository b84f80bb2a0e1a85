"""One synthetic market: a full book of two sides with random moves like those of real markets.

Most moves change a quantity near the top. Others add or remove a level, cancel and quote again, or
trade: they remove the best levels, and the other side moves into the gap. The mid-price walks at
random and tends to return to its start. All moves depend on seed and symbol, never on the clock.
"""

from __future__ import annotations

import math
import random

from simulator.market.catalogue import Profile
from simulator.market.side import MarketSide

_REACH = 900
"""The number of best levels that moves choose from.

A subscriber at the greatest depth, 1,000, must get one frame for each move. The other 100 levels
are room for levels that a move adds behind the chosen one.
"""
_SIZES = (4, 15, 40, 70, 100, 130, 250, 800)
"""Quantities in hundredths of the usual one."""
_ROUND_SIZES = (1, 2, 5, 10, 20, 25, 50)
"""Quantities in hundredths of the power of ten below ten times the usual one."""


class Market:
    """A book that is never crossed after a move, and has both sides unless `may_empty`."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self.profile = profile
        self.bids = MarketSide(-1)
        self.asks = MarketSide(1)
        self._random = random.Random(f"{seed}/{profile.symbol}")
        self._least = max(1, profile.levels // 2)
        self._open()

    def move(self) -> None:
        """Change 1 to 10 levels, which each side lists in `touched`."""
        self.bids.begin()
        self.asks.begin()
        for side, other in ((self.bids, self.asks), (self.asks, self.bids)):
            if not side.keys:
                self._refill(side, other)
                return
        roll = self._random.random()
        if self.profile.may_empty and roll < 0.004:
            self._vanish(self._either())
        elif roll < 0.05:
            self._trade()
        else:
            for _ in range(2 if roll < 0.2 else 1):
                self._requote_somewhere()
        self._tend(self.bids)
        self._tend(self.asks)

    def refine(self, profile: Profile) -> None:
        """Switch to a profile with the same or more decimals, and keep the book."""
        was, self.profile = self.profile, profile
        price_factor = 10 ** (profile.price_precision - was.price_precision)
        qty_factor = 10 ** (profile.qty_precision - was.qty_precision)
        for side in (self.bids, self.asks):
            side.scale(price_factor, qty_factor)

    def _open(self) -> None:
        best_ask = self.profile.price + (self.profile.spread + 1) // 2
        best_bid = best_ask - self.profile.spread
        self._fill(self.bids, -best_bid)
        self._fill(self.asks, best_ask)

    def _fill(self, side: MarketSide, key: int) -> None:
        for rank in range(self.profile.levels):
            if key * side.sign < 1:
                return
            side.put(key, self._quantity())
            key += 1 + self._random.randrange(2 * self._gap(rank))

    def _requote_somewhere(self) -> None:
        roll = self._random.random()
        if roll < 0.3 and self._spread() > self.profile.spread:
            self._improve(*self._sides_of_pressure())
        elif roll < 0.62:
            self._change(self._either())
        elif roll < 0.95:
            self._thicken_or_thin(self._either())
        elif roll < 0.98:
            self._cancel_and_quote(self._either())
        else:
            self._change_twice(self._either())

    def _change(self, side: MarketSide) -> None:
        key = side.keys[self._rank(side)]
        lots = self._quantity()
        side.put(key, lots + (lots == side.lots[key]))

    def _change_twice(self, side: MarketSide) -> None:
        key = side.keys[self._rank(side)]
        side.put(key, self._quantity())
        side.put(key, self._quantity())

    def _thicken_or_thin(self, side: MarketSide) -> None:
        """Add a level, more likely if levels are far apart here, or remove one."""
        rank = self._rank(side)
        key = side.keys[rank]
        following = side.keys[rank + 1] if rank + 1 < len(side.keys) else key + 1
        room = following - key
        wide = room > self._gap(rank)
        if room > 1 and self._random.random() < (0.7 if wide else 0.3):
            side.put(key + self._random.randrange(1, room), self._quantity())
        elif len(side.keys) > self._least:
            side.drop(key)
        else:
            self._change(side)

    def _cancel_and_quote(self, side: MarketSide) -> None:
        if len(side.keys) <= self._least:
            self._change(side)
            return
        rank = self._rank(side)
        key = side.keys[rank]
        side.drop(key)
        # Behind the removed level, so that it cannot cross the other side.
        new = key + self._random.randrange(1, self._gap(rank) + 1)
        if new * side.sign >= 1:
            side.put(new, self._quantity())

    def _improve(self, side: MarketSide, other: MarketSide) -> None:
        """Add a level inside the spread, which must be more than one tick."""
        inside = -other.keys[0] + self._random.randrange(1, self._spread())
        side.put(max(inside, side.keys[0] - 2 * self.profile.gap), self._quantity())

    def _trade(self) -> None:
        follower, eaten = self._sides_of_pressure()
        best = eaten.keys[0]
        eats = self._random.choice((0, 0, 0, 1, 1, 1, 2, 3, 4))
        if not eats or len(eaten.keys) - eats < self._least:
            eaten.put(best, max(1, eaten.lots[best] * self._random.randrange(1, 8) // 8))
            return
        for key in eaten.keys[:eats]:
            eaten.drop(key)
        # Four removed levels and the four that enter the window nearly reach the limit of ten.
        if eats < 4 and self._random.random() < 0.3:
            # At the removed price: a client that applies bids before asks is briefly crossed.
            follower.put(-best, self._quantity())

    def _vanish(self, side: MarketSide) -> None:
        for key in list(side.keys):
            side.drop(key)

    def _refill(self, side: MarketSide, other: MarketSide) -> None:
        key = -other.keys[0]
        for _ in range(self._random.randrange(1, 4)):
            key += self.profile.spread + self._random.randrange(self.profile.gap)
            side.put(key, self._quantity())

    def _tend(self, side: MarketSide) -> None:
        """Trim or extend the far end of a side to its usual number of levels."""
        while len(side.keys) > self.profile.levels:
            side.drop(side.keys[-1])
        count = len(side.keys)
        if 0 < count < self.profile.levels - self.profile.levels // 8:
            key = side.keys[-1] + 1 + self._random.randrange(2 * self._gap(count))
            if key * side.sign >= 1:
                side.put(key, self._quantity())

    def _either(self) -> MarketSide:
        return self.bids if self._random.random() < 0.5 else self.asks

    def _sides_of_pressure(self) -> tuple[MarketSide, MarketSide]:
        """Return the side that advances and the side that retreats."""
        twice_mid = self.asks.keys[0] - self.bids.keys[0]
        pull = (twice_mid - 2 * self.profile.price) / (self.profile.price * 0.1)
        rising = self._random.random() < 0.5 - max(-0.4, min(0.4, pull))
        return (self.bids, self.asks) if rising else (self.asks, self.bids)

    def _spread(self) -> int:
        return self.asks.keys[0] + self.bids.keys[0]

    def _rank(self, side: MarketSide) -> int:
        """Return a random rank from 0, the best; 0 to 9 is as likely as 10 to 99."""
        count = min(len(side.keys), _REACH)
        # Rounding may make the power equal to its upper bound.
        place = int(math.pow(count + 1, self._random.random()))
        return min(place, count) - 1

    def _gap(self, rank: int) -> int:
        return self.profile.gap * (1 + rank // self.profile.widening)

    def _quantity(self) -> int:
        usual = self.profile.lots
        roll = self._random.random()
        if roll < 0.3:
            unit: int = max(1, 10 ** len(str(usual)) // 1000)
            return unit * self._random.choice(_ROUND_SIZES)
        if roll < 0.4:
            return usual // 2000 + 1 + int(self._random.random() * 50)
        size = self._random.choice(_SIZES)
        return 1 + usual * size // 100 + self._random.randrange(usual // 4 + 1)
