"""A listed market of Binance: each change has an id, and a diff has those of an interval."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from simulator.faults.kinds import ExtraDecimal, OfUpdate
from simulator.market.instrument import Level
from simulator.market.market import Market
from simulator.protocols.binance.frames import levels_text, number_text
from simulator.protocols.whole_book import MarketMove, WholeBookMarket

SPEEDS_MS = (100, 1000)
"""The intervals of diffs; a follower's depth is its interval."""


class DepthDiff(NamedTuple):
    """The changes of an interval, with the texts of the levels."""

    name: str
    first_id: int
    last_id: int
    bids: str
    asks: str


class DepthFollower(Protocol):
    """The receiver of a market's diffs."""

    def send_diff(self, diff: DepthDiff, fault: OfUpdate | None) -> None:
        """Send a diff, or do with it what the fault says."""


class DepthBook(NamedTuple):
    """A whole book with the id of its last change."""

    last_id: int
    bids: list[Level]
    asks: list[Level]


@dataclass
class _Interval:
    """The changes since the last diff; the last quantity of each price counts."""

    first_id: int
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)


class BinanceMarket(WholeBookMarket[DepthFollower]):
    """One listed market.

    Args:
        market: The full book.
        name: The symbol of Binance.

    Attributes:
        last_id: The id of the last change.

    """

    def __init__(self, market: Market, name: str) -> None:
        super().__init__(market)
        # Ids do not begin at 1: a client must not rely on that.
        self.last_id = random.Random(f"ids/{name}").randrange(10**8, 10**10)
        self._name = name
        self._intervals = {speed: _Interval(self.last_id + 1) for speed in SPEEDS_MS}

    def send_first(
        self, depth: int, subscriber: DepthFollower, *, snapshot: bool, early: bool
    ) -> None:
        """Send nothing: the snapshot is in REST."""

    def send_change(self, change: MarketMove, *, muted: bool) -> None:
        """Give each change an id, and keep it for the next diffs."""
        for interval in self._intervals.values():
            interval.bids.update(change.bids)
            interval.asks.update(change.asks)
        self.last_id += max(1, len(change.bids) + len(change.asks))
        if muted:
            self._lose_intervals()

    def skip_ids(self, count: int) -> None:
        """Lose all changes since the last diffs, and as many further ids."""
        self.last_id += count
        self._lose_intervals()

    def flush(self, speed: int) -> None:
        """Send the diff of the interval that ends now, if anything has changed."""
        interval = self._intervals[speed]
        if interval.first_id > self.last_id:
            return
        self._intervals[speed] = _Interval(self.last_id + 1)
        if followers := self._followers.get(speed):
            change = MarketMove(list(interval.bids.items()), list(interval.asks.items()))
            fault = self.next_update_fault(change)
            diff = self._diff(interval.first_id, change, fault)
            for follower in followers:
                follower.send_diff(diff, fault)

    def book(self, levels: int) -> DepthBook:
        """Return the best levels of each side."""
        return DepthBook(self.last_id, self.market.bids.top(levels), self.market.asks.top(levels))

    def replace(self, market: Market) -> None:
        """Switch to another market, of which no diff tells."""
        super().replace(market)
        self.skip_ids(1)

    def _lose_intervals(self) -> None:
        for speed in SPEEDS_MS:
            self._intervals[speed] = _Interval(self.last_id + 1)

    def _diff(self, first_id: int, change: MarketMove, fault: OfUpdate | None) -> DepthDiff:
        # The order within a diff is that of the book.
        bids = levels_text(sorted(change.bids, reverse=True), self.instrument)
        asks = levels_text(sorted(change.asks), self.instrument)
        if isinstance(fault, ExtraDecimal):
            bids, asks = self._with_extra_decimal(bids), self._with_extra_decimal(asks)
        return DepthDiff(self._name, first_id, self.last_id, bids, asks)

    def _with_extra_decimal(self, levels: str) -> str:
        """Return levels whose first price has a digit below the tick."""
        if levels == "[]":
            return levels
        price, rest = levels.removeprefix('[["').split('"', 1)
        decimals = self.instrument.price_precision
        units = int(f"{price.partition('.')[0]}{price.partition('.')[2][:decimals]}")
        return f'[["{number_text(10 * units + 5, decimals + 1)}"{rest}'
