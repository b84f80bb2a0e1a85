"""One pair on one connection: its levels, from the snapshot to each change after it.

    snapshot in the stream:  ACKNOWLEDGED ─▶ snapshot ─▶ LIVE ─▶ changes
    snapshot by REST:        ACKNOWLEDGED ─▶ changes wait in a join ─▶ snapshot ─▶ LIVE ─▶ changes

A BookError or a BookFault means that the levels may be wrong. The caller then resyncs the book.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.feed.books import SymbolBook
from collector.feed.lag import FeedLag
from collector.feed.timestamp import Timestamp
from collector.metrics import MISMATCHES, VERIFIED_SNAPSHOTS, VERIFIED_UPDATES
from collector.venues.sequenced.book.deep_book import DeepBook
from collector.venues.sequenced.book.faults import ChangesLost, ChangeTooEarly, NotJoined
from collector.venues.sequenced.book.join import Join, Joined, require_next
from collector.venues.sequenced.protocol import BookMessage, RestSnapshot, VenuePair, VenueTraits
from collector.venues.subscription import Clock, Event, State, Subscription
from runtime.limited_log import LimitedLog

# A book that was joined with a snapshot alone is compared with another one after this time without
# a change, and again after twice as long each time. A subscription that was granted, and delivers
# nothing, would be noticed only by the resync of quiet books otherwise.
RECHECK_DELAY = 5.0
_TAKES_SNAPSHOTS = (State.LIVE, State.ACKNOWLEDGED)


class FollowedPair:
    """The book of one pair on one connection.

    Args:
        subscription: The state of its subscription.
        traits: What differs between venues.
        clock: The session's time.
        lag: The age of the connection's frames.
        log: Logger of lines that the venue can cause any number of times.

    Attributes:
        subscription: The state of its subscription.
        pair: The pair of the venue's list; None until it is known.
        join: The attempt to join the stream with a snapshot by REST, if there is one.
        changed_at: Time of the last change or snapshot.
    """

    def __init__(
        self,
        subscription: Subscription,
        traits: VenueTraits,
        clock: Clock,
        lag: FeedLag,
        log: LimitedLog,
    ) -> None:
        self.subscription = subscription
        self.pair: VenuePair | None = None
        self.join: Join | None = None
        self.changed_at = 0.0
        self._traits = traits
        self._clock = clock
        self._lag = lag
        self._log = log
        # All levels; None unless the book is live.
        self._deep: DeepBook | None = None
        # Number of the last change, if the venue numbers the changes of each pair.
        self._last = 0
        # Whether a large snapshot is being read.
        self._is_filling = False
        # Seconds until the next comparison; None if a change has shown that the stream delivers.
        self._recheck_delay: float | None = None
        self._joined_at = 0.0

    @property
    def book(self) -> SymbolBook:
        """The book that is published."""
        return self.subscription.book

    @property
    def is_live(self) -> bool:
        """Whether the book is verified."""
        return self.subscription.state is State.LIVE

    @property
    def is_on_its_way(self) -> bool:
        """Whether a snapshot is being read, or asked for by REST, which has its own limits."""
        return self.join is not None or self._is_filling

    def drop(self) -> None:
        """Forget the levels, because they may be wrong."""
        self._deep = self.join = self._recheck_delay = None
        self._is_filling = False

    def begin_join(self) -> None:
        """Join the stream with a snapshot by REST, if the venue gives snapshots so."""
        if self._traits.snapshot is not None:
            self.join = Join(self._clock.now)

    def renew_if_needed(self) -> None:
        """Begin to join a live book with another snapshot if the present one is not enough.

        That is so if its levels are nearly gone, or if no change has come since it.
        """
        if self._deep is None or self.join is not None:
            return
        now, delay = self._clock.now, self._recheck_delay
        if self._deep.is_thin:
            self._log.info("snapshot nearly used up, asking for another", symbol=self.book.symbol)
            self.join = Join(now, since=self._last)
        elif delay is not None and now - self._joined_at >= delay:
            self.join = Join(now, since=self._last)

    def take_change(self, message: BookMessage, read_at: Timestamp) -> None:
        """Apply a change to the live book, and keep it if a join waits for its snapshot.

        A BookError or BookFault is raised if the levels may be wrong.

        Args:
            message: The change.
            read_at: Time at which the frame was read from the socket.

        Raises:
            ChangeTooEarly: The change came before the snapshot.
        """
        if self.join is not None:
            self.join.add(message)
        state = self.subscription.state
        if state is State.LIVE and self._deep is not None:
            self._apply(self._deep, message, read_at)
        elif state is State.ACKNOWLEDGED and self.join is None:
            raise ChangeTooEarly("a change came before its snapshot")

    def _apply(self, deep: DeepBook, message: BookMessage, read_at: Timestamp) -> None:
        if message.last:
            if message.last <= self._last:
                return
            require_next(message, self._last)
            self._last = message.last
            self._recheck_delay = None
        # Before the change is applied, so that no old book is shown as current.
        self._lag.on_update(self.book.symbol, message.time, read_at)
        deep.apply(message, read_at)
        self.changed_at = self._clock.now
        VERIFIED_UPDATES.inc()

    def take_snapshot(self, message: BookMessage, read_at: Timestamp) -> Iterator[None]:
        """Replace the book by a snapshot of the stream, in short steps.

        A BookError or BookFault is raised in a step if the levels may be wrong.

        Args:
            message: The snapshot.
            read_at: Time at which the frame was read from the socket.

        Yields:
            None after each step, for the caller to yield to the event loop.
        """
        if self.pair is None:
            return
        # The answer to the request may come after the snapshot.
        self.subscription.move(Event.ACKNOWLEDGED)
        if self.subscription.state not in _TAKES_SNAPSHOTS:
            return
        precision = self._traits.precision_of(self.pair, message)
        if precision is None:
            self.subscription.move(Event.UNUSABLE, "no precision")
            return
        deep = DeepBook(self.book, precision)
        self.drop()
        # The numbers of the changes continue that of the snapshot. It may be lower than the last.
        self._last = message.last
        self._is_filling = True
        yield from deep.fill(message.bids, message.asks)
        # The book may have been removed or doubted meanwhile.
        if self._is_filling:
            self._become_live(deep, message.time, read_at)

    def take_rest_snapshot(self, snapshot: RestSnapshot | None) -> None:
        """Join with a snapshot by REST. A BookError or BookFault is raised if the levels are wrong.

        Args:
            snapshot: The snapshot; None if the venue did not send one.

        Raises:
            NotJoined: No attempt has succeeded, and there is no book.
        """
        assert self.join is not None, "no snapshot was asked for"
        now = self._clock.now
        try:
            if snapshot is None:
                self.join.failed(now, "the venue did not send one")
                return
            joined = self.join.answer(snapshot, now)
        except NotJoined:
            if self._deep is None:
                raise
            # The present book is still right. The next tick begins another attempt.
            self.join = None
            return
        if joined is not None:
            self._fill_joined(joined)

    def _fill_joined(self, joined: Joined) -> None:
        snapshot, pair = joined.snapshot, self.pair
        assert pair is not None
        assert pair.precision is not None
        deep = DeepBook(self.book, pair.precision)
        # At most 5,000 levels of a side: some milliseconds.
        for _ in deep.fill(snapshot.bids, snapshot.asks, snapshot.limit):
            pass
        last, time = snapshot.last, None
        for change in joined.changes:
            require_next(change, last)
            deep.add(change)
            last, time = change.last, change.time
        delivers = self.join is not None and self.join.has_changes
        self._last, self.join, self._joined_at = last, None, self._clock.now
        if self.is_live and self._deep is not None:
            if self._recheck_delay is not None:
                self._recheck_delay *= 2
            self._renew(self._deep, deep)
        else:
            self._recheck_delay = None if delivers else RECHECK_DELAY
            self._become_live(deep, time, self.book.confirmed_at)

    def _renew(self, old: DeepBook, new: DeepBook) -> None:
        """Continue with a new snapshot; it must have the window that is published."""
        self._deep = new
        if not new.has_window_of(old):
            MISMATCHES.labels("snapshot").inc()
            raise ChangesLost("a new snapshot has another book")

    def _become_live(self, deep: DeepBook, time: str | None, read_at: Timestamp) -> None:
        deep.publish(time, read_at)
        self._deep = deep
        self._is_filling = False
        self.changed_at = self._clock.now
        VERIFIED_SNAPSHOTS.inc()
        if self.subscription.move(Event.VERIFIED):
            self._log.info("book is live", symbol=self.book.symbol)
