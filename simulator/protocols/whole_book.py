"""A market of a venue that sends every change of the whole book, also deletes of unknown levels."""

from __future__ import annotations

import random
from abc import abstractmethod
from typing import NamedTuple

from simulator.faults.kinds import Crossed, ExtraDecimal, OfUpdate, Reorder
from simulator.market.instrument import Level
from simulator.market.listing import Listing, S
from simulator.market.market import Market
from simulator.market.side import MarketSide

_ORPHAN_SHARE = 0.15
"""The share of updates with the delete of a level that was never there.

At Coinbase and Binance such deletes are routine: 210 in 30 s and 156 in 211 updates were counted.
"""


class MarketMove(NamedTuple):
    """The changes of one move, in order; zero lots remove a price."""

    bids: list[Level]
    asks: list[Level]


class WholeBookMarket(Listing[S]):
    """One listed market whose followers get every change.

    Attributes:
        moves: The number of moves since the start.

    """

    orphan_share = _ORPHAN_SHARE

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self.moves = 0
        # The moves of the market must not depend on the orphan deletes.
        self._random = random.Random(f"orphans/{market.profile.symbol}")
        self._is_reordering = False

    def move(self, *, muted: bool = False) -> None:
        """Make one update and send it, unless `muted`."""
        self.market.move()
        self.moves += 1
        change = MarketMove(*map(_touched, (self.market.bids, self.market.asks)))
        if self._random.random() < self.orphan_share:
            self._add_orphan(change)
        self.send_change(change, muted=muted)

    @abstractmethod
    def send_change(self, change: MarketMove, *, muted: bool) -> None:
        """Send a change to the followers, or lose it if `muted`."""

    def update_count(self, depth: int) -> int:  # noqa: ARG002 - the same at each
        """Return the updates since the start."""
        return self.moves

    def next_update_fault(self, change: MarketMove) -> OfUpdate | None:
        """Return the fault of the next frame; a `Crossed` is added to the change."""
        # The second update of a reordering must be valid.
        if self._is_reordering:
            self._is_reordering = False
            return None
        match self.update_faults.peek():
            case Crossed() if not self.market.asks.keys:
                return None
            case ExtraDecimal() if not (change.bids or change.asks):
                return None
        fault = self.update_faults.pop()
        self._is_reordering = isinstance(fault, Reorder)
        if isinstance(fault, Crossed):
            # It comes last, because clients apply levels in order.
            change.bids.append((self.market.asks.keys[0], self.market.profile.lots))
        return fault

    def _add_orphan(self, change: MarketMove) -> None:
        side = self.market.bids if self._random.random() < 0.5 else self.market.asks
        if not side.keys:
            return
        key = side.keys[self._random.randrange(len(side.keys))] + 1
        while key in side.lots:
            key += 1
        if key * side.sign < 1:
            return
        levels = change.bids if side is self.market.bids else change.asks
        # A level that this move has removed is none that was never there.
        if all(price != key * side.sign for price, _ in levels):
            levels.append((key * side.sign, 0))


def _touched(side: MarketSide) -> list[Level]:
    return [(key * side.sign, lots) for key, lots in side.touched]
