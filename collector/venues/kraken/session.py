"""The protocol of one connection: frames in, verified books and requests out.

A session subscribes to the pairs first, because each book needs the precisions of its pair, and
then to the books. It does no I/O except logs and counters, and reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collector.feed.books import SymbolBook
from collector.feed.budget import BudgetShare
from collector.feed.hot_path import HOT_PATH, HotPath
from collector.feed.lag import FeedLag, LagMemory
from collector.feed.timestamp import Timestamp
from collector.feed.venue import InstrumentsListener
from collector.metrics import BOOK_FRAMES, FRAMES
from collector.venues.kraken import frames
from collector.venues.kraken.answers import RequestAnswer, excerpt
from collector.venues.kraken.book_feed import ENTRIES_PER_STEP, BookFeed
from collector.venues.kraken.requests import Requests
from collector.venues.kraken.subscriber import Subscriber
from collector.venues.session import RequestsUnanswered
from collector.venues.subscription import MAX_ATTEMPTS, Clock, Subscription
from kraken_book.symbols import is_symbol
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

# The name of the logger in LOG_LEVEL. It does not change if the module moves.
log = get_logger("collector.kraken")

# Delay before pairs are requested again, if they did not come or were rejected.
INSTRUMENTS_RETRY_DELAY = 10.0


class KrakenSession:
    """The session of one websocket. Times are steady seconds, passed by the caller.

    Args:
        books: The initial books, by symbol.
        depth: Levels of each side that are subscribed to.
        quiet_resync: Seconds without an update after which a book is resynced.
        resyncs: The connection's share of all resyncs.
        lag_memory: Distance to Kraken's clock from the connection's previous session.
        on_instruments: Called with the pairs that Kraken lists.
        path: What the books are made of.

    Attributes:
        requests: The requests; the caller sends each that `requests.next_request` returns.
        lag: The age of frames when they are read.
        system: Kraken's word for the status of its engine.
        is_compiled: Whether `take_plain` can process frames.
    """

    def __init__(
        self,
        books: Mapping[str, SymbolBook],
        depth: int,
        quiet_resync: float,
        resyncs: BudgetShare,
        lag_memory: LagMemory,
        on_instruments: InstrumentsListener,
        path: HotPath = HOT_PATH,
    ) -> None:
        self.requests = Requests(depth)
        self.lag = FeedLag(lag_memory)
        self.system = "unknown"
        self.is_compiled = path.take is not None
        self._clock = Clock()
        # Kraken can cause any number of these lines.
        self._log = LimitedLog(log)
        self._subscriber = Subscriber(
            books.values(), self._clock, self.requests, resyncs, quiet_resync, self._log
        )
        self._book_feed = BookFeed(self._subscriber, self.lag, self._log, path.take)
        self._on_instruments = on_instruments
        self._instruments_asked_at = 0.0
        # How often pairs were requested since they came last.
        self._instruments_attempts = 0
        self._has_instruments = False
        self._accepts_instruments = True

    def open(self, now: float) -> None:
        """Start the session on a new connection."""
        self._clock.now = now
        self._ask_instruments()

    def close(self, reason: str) -> None:
        """End the session, and drop every book for `reason`, because the connection has ended."""
        self._subscriber.close(reason)

    def add(self, book: SymbolBook) -> None:
        """Add a book, and subscribe to it at the next tick."""
        self._subscriber.add(book)

    def remove(self, symbol: str) -> None:
        """Unsubscribe from a book and remove it."""
        self._subscriber.remove(symbol)

    @property
    def subscriptions(self) -> Mapping[str, Subscription]:
        """The subscriptions of all books, by symbol."""
        return self._subscriber.by_symbol

    @property
    def is_complete(self) -> bool:
        """Whether the pairs are known, and every book is live or refused."""
        return self._has_instruments and self._subscriber.are_settled

    @property
    def has_verified(self) -> bool:
        """Whether a snapshot has been verified since the session began."""
        return self._book_feed.has_verified

    def next_request(self, now: float) -> str | None:
        """Return the request to send now; None if no request waits or the rate is too high."""
        return self.requests.next_request(now)

    def tick(self, now: float) -> None:
        """Make requests that are due, and repeat unanswered ones; call this about once a second.

        A RequestsUnanswered is raised if the connection must be opened again.
        """
        self._clock.now = now
        self._log.sum_up()
        is_due = now - self._instruments_asked_at >= INSTRUMENTS_RETRY_DELAY
        if not self._has_instruments:
            if is_due:
                log.warning("no instruments received, requesting them again")
                self._ask_instruments()
            return
        if is_due and not self._accepts_instruments:
            self._accepts_instruments = True
            self._ask_instruments(again=True)
        self._subscriber.tick()

    def take_plain(self, messages: list[bytes], first: int, read_at: Timestamp) -> int:
        """Process plain updates of books in one step, if the path is compiled.

        Args:
            messages: Frames of the connection, in order.
            first: The index of the first frame to process.
            read_at: Time at which the frames were read from the socket.

        Returns:
            The index of the first frame that was not processed. The caller begins it.
        """
        self._clock.now = read_at.steady / 1e9
        return self._book_feed.take_plain(messages, first, read_at)

    def begin(self, data: bytes, read_at: Timestamp) -> Iterator[None] | None:
        """Process one frame, or the beginning of a large one.

        A FeedLagging is raised if the frame is too old, here or in a later step.

        Args:
            data: The frame.
            read_at: Time at which the frame was read from the socket.

        Returns:
            The rest of the work in short steps, if the frame is large.
        """
        self._clock.now = read_at.steady / 1e9
        try:
            frame = frames.decode_frame(data)
        except frames.FrameError as error:
            self._book_feed.on_bad_frame(error, data)
            return None
        if isinstance(frame, frames.BookFrame):
            BOOK_FRAMES.inc()
            feed = self._book_feed
            apply = feed.apply_update if frame.type == "update" else feed.apply_snapshot
            for entry in frame.data:
                try:
                    apply(entry, read_at)
                except frames.FrameError as error:
                    # Continue with the next entries, which are of other symbols.
                    self._book_feed.on_bad_frame(error, data)
            return None
        if isinstance(frame, frames.BookParts):
            BOOK_FRAMES.inc()
            return self._book_feed.apply_parts(frame, read_at)
        if isinstance(frame, frames.Instruments):
            FRAMES.labels("instrument").inc()
            return self._apply_instruments(frame)
        self._on_other(frame, data, read_at)
        return None

    def _on_other(self, frame: frames.Frame, data: bytes, read_at: Timestamp) -> None:
        match frame:
            case frames.Heartbeat():
                FRAMES.labels("heartbeat").inc()
            case RequestAnswer():
                FRAMES.labels("answer").inc()
                self._on_answer(frame, read_at)
            case frames.System():
                FRAMES.labels("status").inc()
                system = excerpt(frame.system)
                if system != self.system:
                    self._log.info("kraken engine status changed", system=system)
                self.system = system
            case frames.Unknown():
                FRAMES.labels("unknown").inc()
                kind = excerpt(frame.kind)
                self._log.warning("unknown frame ignored", kind=kind, frame=excerpt(data))

    # Pairs

    def _ask_instruments(self, *, again: bool = False) -> None:
        """Request the pairs, unless that was done often enough; if `again`, unsubscribe first.

        Raises:
            RequestsUnanswered: The pairs never came, so that no book can be subscribed to.
        """
        if self._instruments_attempts >= MAX_ATTEMPTS:
            if not self._has_instruments:
                raise RequestsUnanswered(f"no pairs after {MAX_ATTEMPTS} requests")
            return
        self._instruments_attempts += 1
        self._instruments_asked_at = self._clock.now
        self.requests.ask_instruments(again=again)

    def _apply_instruments(self, frame: frames.Instruments) -> Iterator[None]:
        """Apply pairs in short steps, and ignore invalid pairs.

        Yields:
            None after each step, for the caller to yield to the event loop.
        """
        pairs: list[frames.Pair] = []
        nameless = 0
        for number, raw in enumerate(frame.pairs, 1):
            try:
                pair = frames.decode_pair(raw)
            except frames.FrameError as error:
                nameless += 1
                self._log.warning("invalid pair ignored", error=str(error), pair=excerpt(raw))
            else:
                self._apply_pair(pair, pairs)
            if number % ENTRIES_PER_STEP == 0:
                yield
        # If most pairs have no symbol, the list of known symbols is too incomplete to be used.
        is_all = frame.is_snapshot and bool(pairs) and nameless <= len(pairs)
        self._accepts_instruments = self._on_instruments(pairs, is_all)
        if frame.is_snapshot and pairs:
            self._instruments_attempts = 0
        if frame.is_snapshot and pairs and not self._has_instruments:
            self._has_instruments = True
            self.tick(self._clock.now)

    def _apply_pair(self, pair: frames.Pair, pairs: list[frames.Pair]) -> None:
        if not is_symbol(pair.symbol):
            # No followed pair can have this symbol.
            self._log.warning("pair with invalid symbol ignored", pair=excerpt(repr(pair)))
            return
        if pair.precision is None:
            self._log.warning("pair has no valid precision", pair=excerpt(repr(pair)))
        self._subscriber.on_pair(pair)
        pairs.append(pair)

    # Answers

    def _on_answer(self, answer: RequestAnswer, read_at: Timestamp) -> None:
        sent = self.requests.find_sent(answer.req_id)
        if sent is not None:
            self.lag.on_answer(int(sent.at * 1e9), read_at.steady)
        if answer.channel == "instrument" or answer.method == "pong":
            return
        error = answer.short_error
        if answer.is_rate_limited:
            self._log.warning("kraken rate limit exceeded, pausing requests", error=error)
            self.requests.pause(self._clock.now)
            self._subscriber.on_rate_limit()
        elif sent is None or sent.symbols:
            self._subscriber.on_answer(answer, sent.symbols if sent is not None else ())
        elif answer.is_already_subscribed:
            # The pairs were lost. Only a new subscription sends them again.
            self._ask_instruments(again=True)
