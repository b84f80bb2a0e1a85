"""A market and who follows it: each move goes out once per depth, to all that follow there."""

from __future__ import annotations

from simulator.checksum import checksum
from simulator.clock import now_us, time_text
from simulator.feed import Subscriber
from simulator.instruments import Instrument
from simulator.market import Market
from simulator.side import Level
from simulator.window import visible
from simulator.wire import book_frame, pack


class Listing:
    """One market on sale."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.instrument: Instrument = market.profile.instrument
        self._followers: dict[int, set[Subscriber]] = {}
        self._snapshots: dict[int, bytes] = {}
        self._changed_us = now_us()

    def follow(self, depth: int, subscriber: Subscriber) -> None:
        """Send the subscriber what moves at this depth from now on."""
        self._followers.setdefault(depth, set()).add(subscriber)

    def unfollow(self, depth: int, subscriber: Subscriber) -> None:
        """Send the subscriber nothing more."""
        followers = self._followers[depth]
        followers.discard(subscriber)
        if not followers:
            del self._followers[depth]

    def snapshot(self, depth: int) -> bytes:
        """The book as it stands, packed."""
        if depth not in self._snapshots:
            bids, asks = self.market.bids.top(depth), self.market.asks.top(depth)
            text = book_frame(
                "snapshot", self.instrument, bids, asks, self.checksum(), self._timestamp()
            )
            self._snapshots[depth] = pack(text)
        return self._snapshots[depth]

    def move(self) -> None:
        """Let the market make one update, and send it where it shows."""
        bids, asks = self.market.bids, self.market.asks
        before = {depth: (bids.worst(depth), asks.worst(depth)) for depth in tuple(self._followers)}
        self.market.move()
        self._changed_us = max(now_us(), self._changed_us + 1)
        self._snapshots.clear()
        if not before:
            return
        check, timestamp = self.checksum(), self._timestamp()
        for depth, (worst_bid, worst_ask) in before.items():
            shown_bids = visible(bids, worst_bid, depth)
            shown_asks = visible(asks, worst_ask, depth)
            if shown_bids or shown_asks:
                self._send(depth, shown_bids, shown_asks, check, timestamp)

    def checksum(self) -> int:
        """The checksum of the book as it stands, the same at every depth."""
        return checksum(self.market.asks.top(10), self.market.bids.top(10))

    def _send(
        self, depth: int, bids: list[Level], asks: list[Level], check: int, timestamp: str
    ) -> None:
        packed = pack(book_frame("update", self.instrument, bids, asks, check, timestamp))
        for subscriber in self._followers[depth]:
            subscriber.push(packed)

    def _timestamp(self) -> str:
        return time_text(self._changed_us)
