"""One connection to a venue whose books are proved by a sequence: frames in, books out.

The protocol of the venue decodes frames, and follows the sequence of the connection if there is
one. `subscriber` subscribes to the pairs and resyncs them, `requests` limits what is sent, and each
`followed_pair` keeps the levels of one book. The session passes the messages of frames to them. It
does no I/O except logs and counters, and reads no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from collector.feed.books import SymbolBook
from collector.feed.budget import BudgetShare
from collector.feed.lag import FeedLag, LagMemory
from collector.feed.timestamp import Timestamp
from collector.metrics import BAD_FRAMES, BOOK_FRAMES, FRAMES
from collector.venues.sequenced.book.faults import BookFault
from collector.venues.sequenced.followed_pair import FollowedPair
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
    VenueTraits,
)
from collector.venues.sequenced.requests import PairRequests
from collector.venues.sequenced.subscriber import MAX_TEXT, PairSubscriber
from collector.venues.subscription import Clock
from kraken_book.errors import BookError
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

AskSnapshot: TypeAlias = (
    "Callable[[str, Callable[[RestSnapshot | None], None], Callable[[], bool]], None]"
)
"""Asks for a pair's snapshot by REST. The second argument is called with it, None if it failed. The
third tells whether it is still wanted when its turn comes."""


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
        requests: The requests; the caller sends each that `next_request` returns.
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
        self._protocol: SequencedProtocol = traits.make_protocol()
        self.requests = PairRequests(traits, self._protocol)
        self._ask_snapshot = ask_snapshot
        self._clock = Clock()
        self._log = LimitedLog(get_logger(f"collector.{traits.name}"))
        self._subscriber = PairSubscriber(
            traits,
            self._clock,
            listing,
            self.requests,
            resyncs,
            quiet_resync,
            self.lag,
            self._log,
        )
        self._last_frame_at = 0.0
        self._is_closed = False
        for book in books.values():
            self.add(book)

    def open(self, now: float) -> None:
        """Start the session on a new connection."""
        self._clock.now = self._last_frame_at = now
        self.requests.open(now)
        self.tick(now)

    def close(self, reason: str) -> None:
        """End the session, and drop every book for `reason`, because the connection has ended."""
        self._is_closed = True
        self._subscriber.close(reason)

    def add(self, book: SymbolBook) -> None:
        """Add a book, and subscribe to it at the next tick."""
        self._subscriber.add(book)

    def remove(self, symbol: str) -> None:
        """Unsubscribe from a book and remove it."""
        self._subscriber.remove(symbol)

    @property
    def is_complete(self) -> bool:
        """Whether every book is live or refused."""
        return self._subscriber.are_settled

    def tick(self, now: float) -> None:
        """Make requests that are due, and repeat unanswered ones; call this about once a second.

        A RequestsUnanswered is raised if the connection must be opened again.
        """
        self._clock.now = now
        self._log.sum_up()
        self.requests.keep_alive(self._last_frame_at, now)
        self._subscriber.tick()
        for followed in self._subscriber.pairs:
            self._ask_snapshot_if_due(followed)

    def next_request(self, now: float) -> str | None:
        """Return the request to send now; None if no request waits or the rate is too high."""
        return self.requests.next_request(now)

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

    def _take_change(self, message: BookMessage, read_at: Timestamp) -> None:
        followed = self._subscriber.find(message.pair)
        if followed is None:
            return
        try:
            followed.take_change(message, read_at)
        except (BookError, BookFault) as error:
            self._subscriber.doubt_for(followed, error)
        if followed.join is not None:
            self._ask_snapshot_if_due(followed)

    def _take_snapshot(self, message: BookMessage, read_at: Timestamp) -> Iterator[None]:
        followed = self._subscriber.find(message.pair)
        if followed is None:
            return
        try:
            yield from followed.take_snapshot(message, read_at)
        except (BookError, BookFault) as error:
            self._subscriber.doubt_for(followed, error)
        self.has_verified = self.has_verified or followed.is_live

    def _take_answer(
        self, message: Granted | Ended | RequestRefused | BookDoubted | SystemStatus
    ) -> None:
        match message:
            case Granted(pairs):
                self._subscriber.on_granted(pairs)
            case Ended(pairs):
                self._subscriber.on_ended(pairs)
            case RequestRefused():
                self._subscriber.on_refused(message)
            case BookDoubted(pair, reason, error):
                if (followed := self._subscriber.find(pair)) is not None:
                    self._subscriber.doubt(followed, reason, error)
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
            if (followed := self._subscriber.find(name)) is not None:
                self._subscriber.doubt(followed, "frame", str(error))

    # Snapshots by REST

    def _ask_snapshot_if_due(self, followed: FollowedPair) -> None:
        join, pair = followed.join, followed.pair
        if join is None or pair is None or not join.is_due(self._clock.now):
            return
        join.is_asked = True

        def is_wanted() -> bool:
            return followed.join is join and not self._is_closed

        def on_answer(snapshot: RestSnapshot | None) -> None:
            if is_wanted():
                self._take_rest_snapshot(followed, snapshot)

        self._ask_snapshot(pair.name, on_answer, is_wanted)

    def _take_rest_snapshot(self, followed: FollowedPair, snapshot: RestSnapshot | None) -> None:
        try:
            followed.take_rest_snapshot(snapshot)
        except (BookError, BookFault) as error:
            self._subscriber.doubt_for(followed, error)
        self.has_verified = self.has_verified or followed.is_live
