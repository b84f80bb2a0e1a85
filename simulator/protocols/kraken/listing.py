"""A listed market of Kraken; each move is rendered once for each followed depth."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from simulator.faults.kinds import Crossed, OfUpdate, Reorder, Repeat, Swallow
from simulator.market.listing import Listing
from simulator.market.market import Market
from simulator.market.subscriber import FeedSubscriber
from simulator.protocols.kraken.book_frames import CHECKSUM_LEVELS, book_frame, checksum
from simulator.protocols.kraken.feed import DEPTHS
from simulator.protocols.kraken.update import BookUpdate, can_cross, spoiled_text
from simulator.protocols.kraken.window import best_changed_rank, visible
from simulator.wire import now_us, pack, time_text


class KrakenMarket(Listing[FeedSubscriber]):
    """One listed market, which is rendered once for each followed depth.

    Faults of updates affect only updates of the best ten levels, which every follower receives and
    the checksum covers.
    """

    def __init__(self, market: Market) -> None:
        super().__init__(market)
        self._held: dict[FeedSubscriber, bytes] = {}
        """The frame that each subscriber receives after the next one, for a reordering."""
        self._snapshots: dict[int, bytes] = {}
        self._changed_us = now_us()
        self._shown_from = [0] * (len(DEPTHS) + 1)
        """The number of moves that change the window from each depth on; last, at no depth."""

    def unfollow(self, depth: int, subscriber: FeedSubscriber) -> None:
        """Stop sending updates to the subscriber."""
        self._held.pop(subscriber, None)
        super().unfollow(depth, subscriber)

    def send_first(
        self, depth: int, subscriber: FeedSubscriber, *, snapshot: bool, early: bool
    ) -> None:
        """Send the snapshot of the window, after an update that repeats its best levels."""
        if early:
            subscriber.push(self.restating_update())
        if snapshot:
            subscriber.push(self.snapshot(depth))

    def snapshot(self, depth: int) -> bytes:
        """Return a frame of the whole book."""
        if depth not in self._snapshots:
            bids, asks = self.market.bids.top(depth), self.market.asks.top(depth)
            text = book_frame(
                "snapshot", self.instrument, bids, asks, self.checksum(), self._timestamp()
            )
            self._snapshots[depth] = pack(text)
        return self._snapshots[depth]

    def restating_update(self) -> bytes:
        """Return an update that repeats the best levels and changes nothing."""
        bids, asks = self.market.bids.top(1), self.market.asks.top(1)
        return pack(
            BookUpdate(self.instrument, bids, asks, self.checksum(), self._timestamp()).text
        )

    def move(self, *, muted: bool = False) -> None:
        """Make one update; send it at every depth whose window it changes, unless `muted`."""
        bids, asks = self.market.bids, self.market.asks
        before = {depth: (bids.worst(depth), asks.worst(depth)) for depth in self._followers}
        self.market.move()
        self._changed_us = max(now_us(), self._changed_us + 1)
        self._snapshots.clear()
        best = min(best_changed_rank(bids), best_changed_rank(asks))
        self._shown_from[bisect_right(DEPTHS, best)] += 1
        shown = [depth for depth in before if best < depth]
        if not shown or muted:
            return
        fault = self._update_fault() if best < CHECKSUM_LEVELS else None
        check, timestamp = self.checksum(), self._timestamp()
        for depth in shown:
            worst_bid, worst_ask = before[depth]
            shown_bids = visible(bids, worst_bid, depth)
            shown_asks = visible(asks, worst_ask, depth)
            update = (self.instrument, shown_bids, shown_asks, check, timestamp)
            if fault is None:
                self._send(depth, pack(book_frame("update", *update)))
            else:
                self._send_with_fault(depth, BookUpdate(*update), fault)

    def checksum(self) -> int:
        """Return the checksum of the book, which is the same at every depth."""
        return checksum(
            self.market.asks.top(CHECKSUM_LEVELS), self.market.bids.top(CHECKSUM_LEVELS)
        )

    def update_counts(self) -> dict[int, int]:
        """Return, by depth, the updates since the start that a follower gets without faults."""
        return dict(zip(DEPTHS, accumulate(self._shown_from), strict=False))

    def update_count(self, depth: int) -> int:
        """Return the updates since the start that a follower at this depth gets without faults."""
        return self.update_counts().get(depth, 0)

    def replace(self, market: Market) -> None:
        """Switch to another market; followers get no new snapshot."""
        super().replace(market)
        self._snapshots.clear()

    def _update_fault(self) -> OfUpdate | None:
        # The second update of a reordering must be valid.
        if not self.update_faults or self._held:
            return None
        if isinstance(self.update_faults.peek(), Crossed) and not can_cross(self.market):
            return None
        return self.update_faults.pop()

    def _send(self, depth: int, packed: bytes) -> None:
        for subscriber in self._followers[depth]:
            subscriber.push(packed)
        if self._held:
            self._send_held(depth)

    def _send_with_fault(self, depth: int, update: BookUpdate, fault: OfUpdate) -> None:
        match fault:
            case Swallow():
                pass
            case Repeat():
                self._send(depth, pack(update.text))
                self._send(depth, pack(update.text))
            case Reorder():
                self._held |= dict.fromkeys(self._followers[depth], pack(update.text))
            case _:
                self._send(depth, pack(spoiled_text(update, fault, self.market)))

    def _send_held(self, depth: int) -> None:
        for subscriber in self._followers[depth]:
            held = self._held.pop(subscriber, None)
            if held is not None:
                subscriber.push(held)

    def _timestamp(self) -> str:
        return time_text(self._changed_us)
