"""A listed market of Coinbase; each move is rendered once, and numbered by each session."""

from __future__ import annotations

from typing import Protocol

from simulator.faults.kinds import ExtraDecimal, OfUpdate, Swallow
from simulator.market.market import Market
from simulator.protocols.coinbase.frames import book_event, with_extra_decimal
from simulator.protocols.whole_book import MarketMove, WholeBookMarket

_EMPTY_SHARE = 0.05
"""The share of updates after which an event without levels follows, as is routine."""


class Level2Follower(Protocol):
    """The receiver of a market's events."""

    def send_book_event(self, product_id: str, event: str, fault: OfUpdate | None = None) -> None:
        """Send an event with the next number, or do with it what the fault says."""


class CoinbaseMarket(WholeBookMarket[Level2Follower]):
    """One listed market.

    Args:
        market: The full book.
        product_id: Coinbase's name of the pair.

    """

    def __init__(self, market: Market, product_id: str) -> None:
        super().__init__(market)
        self._product_id = product_id
        self._snapshot: str | None = None

    def send_first(
        self, depth: int, subscriber: Level2Follower, *, snapshot: bool, early: bool
    ) -> None:
        """Send the whole book, after an update that repeats its best levels."""
        del depth, snapshot  # there is one, and it always comes
        if early:
            event = self._event(MarketMove(self.market.bids.top(1), self.market.asks.top(1)))
            subscriber.send_book_event(self._product_id, event)
        if self._snapshot is None:
            bids, asks = self.market.bids, self.market.asks
            self._snapshot = book_event(
                "snapshot",
                self._product_id,
                self.instrument,
                bids.top(len(bids.keys)),
                asks.top(len(asks.keys)),
            )
        subscriber.send_book_event(self._product_id, self._snapshot)

    def send_change(self, change: MarketMove, *, muted: bool) -> None:
        """Send a change to all sessions; a muted one uses up a number of each."""
        self._snapshot = None
        if not self._followers:
            return
        lost = Swallow(symbol=self.instrument.symbol)
        fault = lost if muted else self.next_update_fault(change)
        event = self._event(change)
        if isinstance(fault, ExtraDecimal):
            event = with_extra_decimal(event)
        has_empty = self._random.random() < _EMPTY_SHARE and fault is None
        for subscriber in self._followers[0]:
            subscriber.send_book_event(self._product_id, event, fault)
            if has_empty:
                subscriber.send_book_event(self._product_id, self._event(MarketMove([], [])))

    def replace(self, market: Market) -> None:
        """Switch to another market; followers get no new snapshot."""
        super().replace(market)
        self._snapshot = None

    def _event(self, change: MarketMove) -> str:
        return book_event("update", self._product_id, self.instrument, *change)
