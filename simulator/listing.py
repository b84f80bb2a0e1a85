"""A market and who follows it: each move goes out once per depth, to all that follow there."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from simulator.checksum import LEVELS as CHECKED
from simulator.checksum import checksum
from simulator.clock import now_us, time_text
from simulator.faults import Crossed, OfSubscription, OfUpdate, Reorder, Repeat, Swallow
from simulator.feed import Subscriber
from simulator.instruments import Instrument
from simulator.market import Market
from simulator.spoil import Update, can_cross, spoiled
from simulator.turns import Turns
from simulator.window import DEPTHS, rank, visible
from simulator.wire import book_frame, pack


class Listing:
    """One market on sale.

    Attributes:
        updates: The faults of the next updates. Each meets an update that shows in the best ten:
            every follower gets that one, and what it changes the checksum covers.
        subscriptions: The faults of the next subscriptions.

    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.instrument: Instrument = market.profile.instrument
        self.updates: Turns[OfUpdate] = Turns()
        self.subscriptions: Turns[OfSubscription] = Turns()
        self._followers: dict[int, set[Subscriber]] = {}
        self._held: dict[Subscriber, bytes] = {}
        """What a reordering sends to each after the next update."""
        self._snapshots: dict[int, bytes] = {}
        self._changed_us = now_us()
        self._shown_first_at = [0] * (len(DEPTHS) + 1)
        """How many moves showed from each of the depths on; the last showed at none."""

    def follow(self, depth: int, subscriber: Subscriber) -> None:
        """Send the subscriber what moves at this depth from now on."""
        self._followers.setdefault(depth, set()).add(subscriber)

    def unfollow(self, depth: int, subscriber: Subscriber) -> None:
        """Send the subscriber nothing more."""
        self._held.pop(subscriber, None)
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

    def restated(self) -> bytes:
        """An update that changes nothing: the best levels once more."""
        bids, asks = self.market.bids.top(1), self.market.asks.top(1)
        return pack(Update(self.instrument, bids, asks, self.checksum(), self._timestamp()).text)

    def move(self, *, told: bool = True) -> None:
        """Let the market make one update, and send it where it shows, unless nobody is `told`."""
        bids, asks = self.market.bids, self.market.asks
        before = {depth: (bids.worst(depth), asks.worst(depth)) for depth in self._followers}
        self.market.move()
        self._changed_us = max(now_us(), self._changed_us + 1)
        self._snapshots.clear()
        best = min(rank(bids), rank(asks))
        self._shown_first_at[bisect_right(DEPTHS, best)] += 1
        shown = [depth for depth in before if best < depth]
        if not shown or not told:
            return
        fault = self._fault_of_update() if best < CHECKED else None
        check, timestamp = self.checksum(), self._timestamp()
        for depth in shown:
            worst_bid, worst_ask = before[depth]
            shown_bids = visible(bids, worst_bid, depth)
            shown_asks = visible(asks, worst_ask, depth)
            update = (self.instrument, shown_bids, shown_asks, check, timestamp)
            if fault is None:
                self._send(depth, pack(book_frame("update", *update)))
            else:
                self._send_wrongly(depth, Update(*update), fault)

    def checksum(self) -> int:
        """The checksum of the book as it stands, the same at every depth."""
        return checksum(self.market.asks.top(CHECKED), self.market.bids.top(CHECKED))

    def shown(self) -> dict[int, int]:
        """By depth, how many updates a follower from the start would have been sent."""
        return dict(zip(DEPTHS, accumulate(self._shown_first_at), strict=False))

    def replace(self, market: Market) -> None:
        """Have another market from now on; followers are not told what stands there."""
        self.market = market
        self.instrument = market.profile.instrument
        self._snapshots.clear()

    def _fault_of_update(self) -> OfUpdate | None:
        # The second update of a reordering is right, only early.
        if not self.updates or self._held:
            return None
        if isinstance(self.updates.next(), Crossed) and not can_cross(self.market):
            return None
        return self.updates.take()

    def _send(self, depth: int, packed: bytes) -> None:
        for subscriber in self._followers[depth]:
            subscriber.push(packed)
        if self._held:
            self._send_held(depth)

    def _send_wrongly(self, depth: int, update: Update, fault: OfUpdate) -> None:
        match fault:
            case Swallow():
                pass
            case Repeat():
                self._send(depth, pack(update.text))
                self._send(depth, pack(update.text))
            case Reorder():
                self._held |= dict.fromkeys(self._followers[depth], pack(update.text))
            case _:
                self._send(depth, pack(spoiled(update, fault, self.market)))

    def _send_held(self, depth: int) -> None:
        for subscriber in self._followers[depth]:
            held = self._held.pop(subscriber, None)
            if held is not None:
                subscriber.push(held)

    def _timestamp(self) -> str:
        return time_text(self._changed_us)
