"""The subscriber of one session: subscribes to the books of pairs, and resyncs them if needed.

A fault of one pair affects no other: its book alone is unsubscribed and subscribed to again.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.feed.books import SymbolBook
from collector.feed.budget import BudgetShare
from collector.feed.lag import FeedLag
from collector.metrics import MISMATCHES, RESYNCS
from collector.venues.sequenced.book.faults import BookFault, TooManyDecimals
from collector.venues.sequenced.followed_pair import FollowedPair
from collector.venues.sequenced.listing import VenueListing
from collector.venues.sequenced.protocol import RequestRefused, VenueTraits
from collector.venues.sequenced.requests import PairRequests
from collector.venues.subscription import Clock, Event, State, Subscription
from kraken_book.errors import BookError
from runtime.limited_log import LimitedLog

MAX_TEXT = 200
MAX_PAIRS_SHOWN = 10
_SETTLED = (State.LIVE, State.REFUSED)
_PENDING = (State.ASKED, State.LEAVING)


class PairSubscriber:
    """Subscribes to the books of one session.

    Args:
        traits: What differs between venues.
        clock: The session's time.
        listing: The venue's pairs.
        requests: Receives the requests for books.
        resyncs: The connection's share of the budget of resyncs.
        quiet_resync: Seconds without a change after which a book is resynced.
        lag: The age of the connection's frames.
        log: Logger of lines that the venue can cause any number of times.
    """

    def __init__(
        self,
        traits: VenueTraits,
        clock: Clock,
        listing: VenueListing,
        requests: PairRequests,
        resyncs: BudgetShare,
        quiet_resync: float,
        lag: FeedLag,
        log: LimitedLog,
    ) -> None:
        self._traits = traits
        self._clock = clock
        self._listing = listing
        self._requests = requests
        self._resyncs = resyncs
        self._quiet_resync = quiet_resync
        self._lag = lag
        self._log = log
        self._by_symbol: dict[str, FollowedPair] = {}
        self._by_name: dict[str, FollowedPair] = {}
        self._listing_version = -1

    @property
    def pairs(self) -> Iterable[FollowedPair]:
        """The pairs of all books."""
        return self._by_symbol.values()

    def find(self, name: str) -> FollowedPair | None:
        """Return the pair with the venue's name `name`; None if it is not followed."""
        return self._by_name.get(name)

    @property
    def are_settled(self) -> bool:
        """Whether every book is live or refused."""
        return all(each.subscription.state in _SETTLED for each in self._by_symbol.values())

    def add(self, book: SymbolBook) -> None:
        """Add a book, and subscribe to it at the next tick."""
        subscription = Subscription(book, self._clock)
        followed = FollowedPair(subscription, self._traits, self._clock, self._lag, self._log)
        self._by_symbol[book.symbol] = followed
        self._find_pair(followed)

    def remove(self, symbol: str) -> None:
        """Unsubscribe from a book and remove it."""
        followed = self._by_symbol.pop(symbol)
        followed.drop()
        if followed.pair is None:
            return
        name = followed.pair.name
        self._by_name.pop(name, None)
        self._requests.forget(name)
        if followed.subscription.remove():
            self._requests.leave(name)

    def close(self, reason: str) -> None:
        """Drop every book because the connection has ended."""
        for followed in self._by_symbol.values():
            followed.drop()
            followed.subscription.close(reason)

    def tick(self) -> None:
        """Make requests that are due, and repeat unanswered ones.

        A RequestsUnanswered is raised if the connection must be opened again.
        """
        if self._listing.version != self._listing_version:
            self._listing_version = self._listing.version
            for followed in tuple(self._by_symbol.values()):
                self._find_pair(followed)
        # The longest waiting one comes first, so that none is left without budget forever.
        for followed in sorted(self._by_symbol.values(), key=lambda each: each.subscription.due):
            if followed.subscription.is_overdue:
                self._on_overdue(followed)
            if followed.subscription.is_to_be_asked:
                self._ask_if_known(followed)
            if followed.is_live:
                self._check_live(followed)

    def _find_pair(self, followed: FollowedPair) -> None:
        """Take the pair, or its changed facts, from the venue's list."""
        pair = self._listing.find(followed.book.symbol)
        if pair is None or pair == followed.pair:
            return
        before, followed.pair = followed.pair, pair
        book = followed.book
        book.pair_status = pair.status
        self._by_name[pair.name] = followed
        if before is not None and before.precision != pair.precision:
            if followed.is_live:
                self.doubt(followed, "precision", f"{before.precision} became {pair.precision}")
        elif book.precision is None:
            book.precision = pair.precision

    def _on_overdue(self, followed: FollowedPair) -> None:
        subscription = followed.subscription
        if followed.is_on_its_way:
            subscription.wait_on()
            return
        self._log.warning(
            "no answer from venue", symbol=subscription.symbol, state=subscription.state.value
        )
        if subscription.state is State.ACKNOWLEDGED:
            self.doubt(followed, "unanswered", "no snapshot after the acknowledgement")
            return
        subscription.time_out(has_live=any(each.is_live for each in self._by_symbol.values()))
        if subscription.state is State.LEAVING and followed.pair is not None:
            self._requests.leave(followed.pair.name, subscription.max_together)

    def _ask_if_known(self, followed: FollowedPair) -> None:
        """Request a book if its pair is known and the budget of resyncs permits it."""
        subscription, pair = followed.subscription, followed.pair
        if pair is None and not self._listing.is_loaded:
            return
        if not (subscription.has_budget or self._resyncs.take(self._clock.now)):
            return
        subscription.move(Event.REQUESTED)
        if pair is None:
            subscription.move(Event.REFUSED, "not listed")
        elif pair.refusal is not None:
            subscription.move(Event.REFUSED, pair.refusal)
        elif pair.precision is None:
            subscription.move(Event.UNUSABLE, "no precision")
        else:
            self._requests.ask(pair.name, subscription.max_together)

    def _check_live(self, followed: FollowedPair) -> None:
        """Resync a live book that had no change for long, or renew its snapshot if needed."""
        if self._clock.now - followed.changed_at >= self._quiet_resync:
            self.doubt(followed, "quiet", "no change for long")
        else:
            followed.renew_if_needed()

    # Answers

    def on_granted(self, names: Iterable[str]) -> None:
        """Note that the venue has subscribed the connection to pairs."""
        for name in names:
            followed = self._by_name.get(name)
            if followed is not None and followed.subscription.move(Event.ACKNOWLEDGED):
                followed.begin_join()

    def on_ended(self, names: Iterable[str]) -> None:
        """Note that the venue has ended subscriptions to pairs."""
        for name in names:
            followed = self._by_name.get(name)
            if followed is not None and followed.subscription.move(Event.LEFT):
                followed.drop()

    def on_refused(self, refused: RequestRefused) -> None:
        """Move the subscriptions that a refused request concerns."""
        error = refused.error[:MAX_TEXT] or "no reason given"
        self._log.warning(
            "venue refused request", error=error, pairs=refused.pairs[:MAX_PAIRS_SHOWN]
        )
        if refused.is_rate_limited:
            self._requests.pause(self._clock.now)
            for each in self._by_symbol.values():
                each.subscription.excuse()
            return
        # If the error names no pair, it may concern any request.
        named = [self._by_name[name] for name in refused.pairs if name in self._by_name]
        concerned = (each.subscription for each in named or self._by_symbol.values())
        pending = [each for each in concerned if each.state in _PENDING]
        if len(pending) > 1:
            # One of them may be wrong. They are asked for again in smaller parts, which find it.
            for subscription in pending:
                subscription.divide(len(pending))
        elif named and pending:
            # A refusal to end a subscription means that there is none.
            pending[0].move(Event.LEFT)
            pending[0].move(Event.REFUSED, error)

    # Doubts

    def doubt_for(self, followed: FollowedPair, error: BookError | BookFault) -> None:
        """Drop a book because of an error, and subscribe to it again."""
        if isinstance(error, TooManyDecimals):
            # The list has the new precision.
            self._listing.refresh()
        self.doubt(followed, error.reason, str(error))

    def doubt(self, followed: FollowedPair, reason: str, error: str) -> None:
        """Drop a book, and subscribe to it again.

        Args:
            followed: The pair.
            reason: One of a bounded set of words, for readers and metrics.
            error: A longer reason, for the log.
        """
        subscription, pair = followed.subscription, followed.pair
        followed.drop()
        if pair is None or subscription.state is State.LEAVING:
            return
        is_doubt = reason != "quiet"
        if is_doubt:
            MISMATCHES.labels(reason).inc()
        RESYNCS.labels(reason).inc()
        self._log.warning(
            "book resync",
            symbol=subscription.symbol,
            reason=reason,
            error=error[:MAX_TEXT],
        )
        has_budget = self._resyncs.take(self._clock.now)
        subscription.resync(reason, has_budget=has_budget, is_doubt=is_doubt)
        self._requests.leave(pair.name)
