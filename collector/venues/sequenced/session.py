"""One connection to a venue whose books are proved by a sequence: frames in, books out.

The protocol of the venue decodes frames, and follows the sequence of the connection if there is
one. A fault of one symbol affects no other: its book alone is unsubscribed and subscribed to again.
The session does no I/O except logs and counters, and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from collector.feed.books import SymbolBook
from collector.feed.budget import Budget, BudgetShare
from collector.feed.lag import FeedLag, LagMemory
from collector.feed.timestamp import Timestamp
from collector.metrics import (
    BAD_FRAMES,
    BOOK_FRAMES,
    FRAMES,
    MISMATCHES,
    RESYNCS,
    VERIFIED_SNAPSHOTS,
    VERIFIED_UPDATES,
)
from collector.venues.sequenced.deep_book import DeepBook
from collector.venues.sequenced.faults import BookFault, NotJoined, TooManyDecimals
from collector.venues.sequenced.join import Join, Joined, require_next
from collector.venues.sequenced.listing import VenueListing
from collector.venues.sequenced.protocol import (
    BookDoubted,
    BookMessage,
    Ended,
    Granted,
    Message,
    MessageError,
    RequestRefused,
    RestSnapshot,
    SequencedProtocol,
    SystemStatus,
    UnknownMessage,
    VenuePair,
    VenueTraits,
)
from collector.venues.subscription import Clock, Event, State, Subscription, take_together
from kraken_book.errors import BookError
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

AskSnapshot: TypeAlias = (
    "Callable[[str, Callable[[RestSnapshot | None], None], Callable[[], bool]], None]"
)
"""Asks for a pair's snapshot by REST. The second argument is called with it, None if it failed. The
third tells whether it is still wanted when its turn comes."""

MAX_TEXT = 200
# The pause after the venue has refused a request because of its rate limit.
RATE_PAUSE = 5.0
# Seconds without a frame after which the venue is asked for a sign of life.
PING_AFTER = 2.0
_SETTLED = (State.LIVE, State.REFUSED)
_TAKES_SNAPSHOTS = (State.LIVE, State.ACKNOWLEDGED)


class FollowedPair:
    """The book of one pair on one connection.

    Args:
        subscription: The state of its subscription.

    Attributes:
        pair: The pair of the venue's list; None until it is known.
        deep: All levels; None unless the book is live.
        join: The attempt to join the stream with a snapshot by REST, if there is one.
        last: Number of the last change, if the venue numbers the changes of each pair.
        is_filling: Whether a large snapshot is being read.
    """

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.pair: VenuePair | None = None
        self.deep: DeepBook | None = None
        self.join: Join | None = None
        self.last = 0
        self.is_filling = False
        self.changed_at = 0.0

    @property
    def book(self) -> SymbolBook:
        """The book that is published."""
        return self.subscription.book

    def drop(self) -> None:
        """Forget the levels, because they may be wrong."""
        self.deep = self.join = None
        self.is_filling = False


class SequencedSession:
    """The session of one websocket; an implementation of `collector.venues.session.VenueSession`.

    Args:
        traits: What differs between venues.
        books: The initial books, by symbol.
        listing: The venue's pairs.
        quiet_resync: Seconds without a change after which a book is resynced.
        resyncs: The connection's share of all resyncs.
        lag_memory: Distance to the venue's clock from the connection's previous session.
        ask_snapshot: Asks for a snapshot by REST, if the venue gives snapshots so.

    Attributes:
        lag: The age of frames when they are read.
        system: The venue's word for the status of its engine.
        is_compiled: Whether `take_plain` can process frames.
        has_verified: Whether a snapshot has been verified since the session began.
    """

    def __init__(
        self,
        traits: VenueTraits,
        books: Mapping[str, SymbolBook],
        listing: VenueListing,
        quiet_resync: float,
        resyncs: BudgetShare,
        lag_memory: LagMemory,
        ask_snapshot: AskSnapshot,
    ) -> None:
        self.lag = FeedLag(lag_memory)
        self.system = "unknown"
        self.is_compiled = False
        self.has_verified = False
        self._traits = traits
        self._protocol: SequencedProtocol = traits.make_protocol()
        self._listing = listing
        self._quiet_resync = quiet_resync
        self._resyncs = resyncs
        self._ask_snapshot = ask_snapshot
        self._clock = Clock()
        self._pace = Budget(traits.requests_per_second, 1.0)
        self._log = LimitedLog(get_logger(f"collector.{traits.name}"))
        self._by_symbol: dict[str, FollowedPair] = {}
        self._by_name: dict[str, FollowedPair] = {}
        self._to_send: list[str] = []
        # In order, the most pairs that each pair's request may have; None for no limit.
        self._to_leave: dict[str, int | None] = {}
        self._to_ask: dict[str, int | None] = {}
        self._listing_version = -1
        self._last_frame_at = self._pinged_at = 0.0
        self._is_closed = False
        for book in books.values():
            self.add(book)

    def open(self, now: float) -> None:
        """Start the session on a new connection."""
        self._clock.now = now
        self._to_send = list(self._protocol.open())
        self._last_frame_at = self._pinged_at = now
        self.tick(now)

    def close(self, reason: str) -> None:
        """End the session, and drop every book for `reason`, because the connection has ended."""
        self._is_closed = True
        for followed in self._by_symbol.values():
            followed.drop()
            followed.subscription.close(reason)

    def add(self, book: SymbolBook) -> None:
        """Add a book, and subscribe to it at the next tick."""
        followed = FollowedPair(Subscription(book, self._clock))
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
        self._to_ask.pop(name, None)
        if followed.subscription.remove():
            self._to_leave[name] = None

    @property
    def is_complete(self) -> bool:
        """Whether every book is live or refused."""
        return all(each.subscription.state in _SETTLED for each in self._by_symbol.values())

    # What is due

    def tick(self, now: float) -> None:
        """Make requests that are due, and repeat unanswered ones; call this about once a second."""
        self._clock.now = now
        self._log.sum_up()
        if self._listing.version != self._listing_version:
            self._listing_version = self._listing.version
            for followed in tuple(self._by_symbol.values()):
                self._find_pair(followed)
        self._keep_alive()
        by_due = sorted(self._by_symbol.values(), key=lambda each: each.subscription.due)
        for followed in by_due:
            subscription = followed.subscription
            if subscription.is_overdue:
                self._on_overdue(followed)
            if subscription.is_to_be_asked:
                self._ask_if_known(followed)
            self._ask_snapshot_if_due(followed)
            if subscription.state is State.LIVE:
                self._check_live(followed)

    def _keep_alive(self) -> None:
        """Ask for a sign of life, because without frames no book is confirmed."""
        now = self._clock.now
        if now - max(self._last_frame_at, self._pinged_at) < PING_AFTER:
            return
        self._pinged_at = now
        if (ping := self._protocol.ping()) is not None:
            self._to_send.append(ping)

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
            if followed.subscription.state is State.LIVE:
                self._doubt(followed, "precision", f"{before.precision} became {pair.precision}")
        elif book.precision is None:
            book.precision = pair.precision

    def _on_overdue(self, followed: FollowedPair) -> None:
        subscription, join = followed.subscription, followed.join
        if join is not None or followed.is_filling:
            # The join has its own limits.
            subscription.wait_on()
            return
        self._log.warning(
            "no answer from venue", symbol=subscription.symbol, state=subscription.state.value
        )
        if subscription.state is State.ACKNOWLEDGED:
            self._doubt(followed, "unanswered", "no snapshot after the acknowledgement")
            return
        if subscription.state is State.LEAVING and followed.pair is not None:
            self._to_leave[followed.pair.name] = subscription.max_together
        subscription.move(Event.TIMED_OUT)

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
            self._to_ask[pair.name] = subscription.max_together

    def _ask_snapshot_if_due(self, followed: FollowedPair) -> None:
        join, pair = followed.join, followed.pair
        if join is None or pair is None or not join.is_due(self._clock.now):
            return
        join.is_asked = True

        def is_wanted() -> bool:
            return followed.join is join and not self._is_closed

        def on_answer(snapshot: RestSnapshot | None) -> None:
            if is_wanted():
                self._on_snapshot_by_rest(followed, join, snapshot)

        self._ask_snapshot(pair.name, on_answer, is_wanted)

    def _check_live(self, followed: FollowedPair) -> None:
        """Resync a live book that had no change for long, or renew one with few known levels."""
        deep = followed.deep
        if self._clock.now - followed.changed_at >= self._quiet_resync:
            self._doubt(followed, "quiet", "no change for long")
        elif deep is not None and deep.is_thin and followed.join is None:
            self._log.info(
                "snapshot nearly used up, asking for another", symbol=followed.book.symbol
            )
            followed.join = Join(self._clock.now, since=followed.last)

    @property
    def has_requests(self) -> bool:
        """Whether a request waits."""
        return bool(self._to_send or self._to_leave or self._to_ask)

    def next_request(self, now: float) -> str | None:
        """Return the request to send now; None if no request waits or the rate is too high."""
        if not self.has_requests or not self._pace.take(now):
            return None
        if self._to_send:
            return self._to_send.pop(0)
        # A book must be unsubscribed before it can be subscribed to again.
        most = self._traits.max_together
        if self._to_leave:
            return self._protocol.unsubscribe(take_together(self._to_leave, most))
        return self._protocol.subscribe(take_together(self._to_ask, most))

    # Frames

    def take_plain(self, messages: list[bytes], first: int, read_at: Timestamp) -> int:  # noqa: ARG002 - nothing here is compiled
        """Return `first`, because every message is processed alone."""
        return first

    def begin(self, data: bytes, read_at: Timestamp) -> Iterator[None] | None:
        """Process one frame, or the beginning of a large one.

        A SessionFailed or FeedLagging is raised if the connection must be opened again.

        Args:
            data: The frame.
            read_at: Time at which the frame was read from the socket.

        Returns:
            The rest of the work in short steps, if the frame has snapshots.
        """
        self._clock.now = self._last_frame_at = read_at.steady / 1e9
        try:
            messages = self._protocol.decode(data)
        except MessageError as error:
            self._on_bad_frame(error, data)
            return None
        for at, message in enumerate(messages):
            if isinstance(message, BookMessage) and message.is_snapshot:
                return self._finish(messages[at:], read_at)
            self._take(message, read_at)
        if not messages:
            FRAMES.labels("heartbeat").inc()
        return None

    def _finish(self, messages: Sequence[Message], read_at: Timestamp) -> Iterator[None]:
        for message in messages:
            if isinstance(message, BookMessage) and message.is_snapshot:
                BOOK_FRAMES.inc()
                yield from self._take_snapshot(message, read_at)
            else:
                self._take(message, read_at)

    def _take(self, message: Message, read_at: Timestamp) -> None:
        if isinstance(message, BookMessage):
            BOOK_FRAMES.inc()
            self._take_change(message, read_at)
        elif isinstance(message, UnknownMessage):
            FRAMES.labels("unknown").inc()
            self._log.warning("unknown frame ignored", kind=message.kind[:MAX_TEXT])
        else:
            FRAMES.labels("answer").inc()
            self._take_answer(message)

    def _take_answer(
        self, message: Granted | Ended | RequestRefused | BookDoubted | SystemStatus
    ) -> None:
        match message:
            case Granted(pairs):
                self._on_granted(pairs)
            case Ended(pairs):
                for name in pairs:
                    self._on_ended(name)
            case RequestRefused():
                self._on_refused(message)
            case BookDoubted(pair, reason, error):
                if (followed := self._by_name.get(pair)) is not None:
                    self._doubt(followed, reason, error)
            case SystemStatus(system):
                if system != self.system:
                    self._log.info("venue status changed", system=system)
                self.system = system

    def _on_bad_frame(self, error: MessageError, data: bytes) -> None:
        FRAMES.labels("bad").inc()
        BAD_FRAMES.inc()
        self._log.warning(
            "frame not understood",
            error=str(error)[:MAX_TEXT],
            frame=data[:MAX_TEXT].decode(errors="replace"),
        )
        for name in error.pairs:
            if (followed := self._by_name.get(name)) is not None:
                self._doubt(followed, "frame", str(error))

    def _take_change(self, message: BookMessage, read_at: Timestamp) -> None:
        followed = self._by_name.get(message.pair)
        if followed is None:
            return
        try:
            if followed.join is not None:
                followed.join.add(message)
                self._ask_snapshot_if_due(followed)
            if followed.subscription.state is State.LIVE and followed.deep is not None:
                self._apply(followed, followed.deep, message, read_at)
            elif followed.subscription.state is State.ACKNOWLEDGED and followed.join is None:
                self._doubt(followed, "early", "a change came before its snapshot")
        except (BookError, BookFault) as error:
            self._doubt_for(followed, error)

    def _apply(
        self, followed: FollowedPair, deep: DeepBook, message: BookMessage, read_at: Timestamp
    ) -> None:
        if message.last:
            if message.last <= followed.last:
                return
            require_next(message, followed.last)
            followed.last = message.last
        # Before the change is applied, so that no old book is shown as current.
        self.lag.on_update(followed.book.symbol, message.time, read_at)
        deep.apply(message, read_at)
        followed.changed_at = self._clock.now
        VERIFIED_UPDATES.inc()

    def _take_snapshot(self, message: BookMessage, read_at: Timestamp) -> Iterator[None]:
        """Replace a book by a snapshot of the stream, in short steps."""
        followed = self._by_name.get(message.pair)
        if followed is None or followed.pair is None:
            return
        # The answer to the request may come after the snapshot.
        followed.subscription.move(Event.ACKNOWLEDGED)
        if followed.subscription.state not in _TAKES_SNAPSHOTS:
            return
        precision = self._traits.precision_of(followed.pair, message)
        if precision is None:
            followed.subscription.move(Event.UNUSABLE, "no precision")
            return
        deep = DeepBook(followed.book, precision)
        followed.drop()
        followed.is_filling = True
        try:
            yield from deep.fill(message.bids, message.asks)
            if followed.is_filling:
                self._become_live(followed, deep, message.time, read_at)
        except (BookError, BookFault) as error:
            self._doubt_for(followed, error)

    def _on_snapshot_by_rest(
        self, followed: FollowedPair, join: Join, snapshot: RestSnapshot | None
    ) -> None:
        now = self._clock.now
        try:
            if snapshot is None:
                join.failed(now, "the venue did not send one")
                return
            joined = join.answer(snapshot, now)
            if joined is not None:
                self._fill_joined(followed, joined)
        except NotJoined as error:
            if followed.deep is None:
                self._doubt_for(followed, error)
            # The present book is still right. The next tick begins another attempt.
            followed.join = None
        except (BookError, BookFault) as error:
            self._doubt_for(followed, error)

    def _fill_joined(self, followed: FollowedPair, joined: Joined) -> None:
        snapshot, pair = joined.snapshot, followed.pair
        assert pair is not None
        assert pair.precision is not None
        was_live = followed.subscription.state is State.LIVE
        deep = DeepBook(followed.book, pair.precision)
        # At most 5,000 levels of a side: some milliseconds.
        for _ in deep.fill(snapshot.bids, snapshot.asks, snapshot.limit):
            pass
        last, time = snapshot.last, None
        for change in joined.changes:
            require_next(change, last)
            deep.add(change)
            last, time = change.last, change.time
        followed.last, followed.join = last, None
        if was_live and followed.deep is not None:
            self._renew(followed, followed.deep, deep)
        else:
            self._become_live(followed, deep, time, followed.book.confirmed_at)

    def _renew(self, followed: FollowedPair, old: DeepBook, new: DeepBook) -> None:
        """Continue with a new snapshot; it must have the window that is published."""
        followed.deep = new
        if new.has_window_of(old):
            return
        MISMATCHES.labels("snapshot").inc()
        self._doubt(followed, "sequence", "a new snapshot has another book")

    def _become_live(
        self, followed: FollowedPair, deep: DeepBook, time: str | None, read_at: Timestamp
    ) -> None:
        deep.publish(time, read_at)
        followed.deep = deep
        followed.is_filling = False
        followed.changed_at = self._clock.now
        VERIFIED_SNAPSHOTS.inc()
        self.has_verified = True
        if followed.subscription.move(Event.VERIFIED):
            self._log.info("book is live", symbol=followed.book.symbol)

    # Answers

    def _on_granted(self, pairs: tuple[str, ...]) -> None:
        for name in pairs:
            followed = self._by_name.get(name)
            if followed is None or not followed.subscription.move(Event.ACKNOWLEDGED):
                continue
            if self._traits.snapshot is not None:
                followed.join = Join(self._clock.now)

    def _on_ended(self, name: str) -> None:
        followed = self._by_name.get(name)
        if followed is not None and followed.subscription.move(Event.LEFT):
            followed.drop()

    def _on_refused(self, refused: RequestRefused) -> None:
        error = refused.error[:MAX_TEXT] or "no reason given"
        self._log.warning("venue refused request", error=error, pairs=refused.pairs[:10])
        if refused.is_rate_limited:
            self._pace.pause(self._clock.now + RATE_PAUSE)
            return
        if len(refused.pairs) > 1:
            # One of them may be wrong. They are asked for again in smaller parts, which find it.
            for name in refused.pairs:
                if (followed := self._by_name.get(name)) is not None:
                    followed.subscription.divide(len(refused.pairs))
            return
        for name in refused.pairs:
            if (followed := self._by_name.get(name)) is not None:
                # A refusal to end a subscription means that there is none.
                followed.subscription.move(Event.LEFT)
                followed.subscription.move(Event.REFUSED, error)

    # Doubts

    def _doubt_for(self, followed: FollowedPair, error: BookError | BookFault) -> None:
        if isinstance(error, TooManyDecimals):
            # The list has the new precision.
            self._listing.refresh()
        self._doubt(followed, error.reason, str(error))

    def _doubt(self, followed: FollowedPair, reason: str, error: str) -> None:
        """Drop a book, and subscribe to it again."""
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
        self._to_leave[pair.name] = None
