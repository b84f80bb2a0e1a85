"""The protocol of one connection: frames in, verified books and requests out.

A session subscribes to the pairs first, whose precisions each book needs, and then to the books. It
does no I/O but log lines and counters, and reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collector.feed.books import SymbolBook
from collector.feed.budget import BudgetShare
from collector.feed.lag import FeedLag, LagMemory
from collector.feed.timestamp import Timestamp
from collector.feed.venue import InstrumentsListener
from collector.metrics import BOOK_FRAMES, FRAMES
from collector.venues.kraken import frames
from collector.venues.kraken.answers import RequestAnswer, excerpt
from collector.venues.kraken.book_feed import ENTRIES_PER_STEP, BookFeed
from collector.venues.kraken.requests import Requests
from collector.venues.kraken.subscriber import Subscriber
from collector.venues.kraken.subscription import Clock, Subscription
from kraken_book.symbols import is_symbol
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

# The name that LOG_LEVEL takes; it outlives moves of this module.
log = get_logger("collector.kraken")

# Delay before pairs that did not come, or were not believed, are requested again.
INSTRUMENTS_RETRY_DELAY = 10.0


class KrakenSession:
    """The conversation on one websocket. Times are steady seconds, given by the caller.

    Args:
        books: The books to begin with, by symbol.
        depth: Levels of each side that are subscribed to.
        quiet_resync: Seconds without an update after which a book is resynced.
        resyncs: The connection's share of the resyncs of a process.
        lag_memory: What the connection's earlier sessions saw of Kraken's clock.
        on_instruments: Told of the pairs that Kraken lists.

    Attributes:
        requests: The requests to be sent; the caller sends what `next` returns.
        lag: How old frames are when they are read.
        system: Kraken's word for the state of its engine.
    """

    def __init__(
        self,
        books: Mapping[str, SymbolBook],
        depth: int,
        quiet_resync: float,
        resyncs: BudgetShare,
        lag_memory: LagMemory,
        on_instruments: InstrumentsListener,
    ) -> None:
        self.requests = Requests(depth)
        self.lag = FeedLag(lag_memory)
        self.system = "unknown"
        self._clock = Clock()
        # Kraken can have lines repeated without end.
        self._log = LimitedLog(log)
        self._subscriber = Subscriber(
            books.values(), self._clock, self.requests, resyncs, quiet_resync, self._log
        )
        self._book_feed = BookFeed(self._subscriber, self.lag, self._log)
        self._on_instruments = on_instruments
        self._instruments_asked_at = 0.0
        self._has_instruments = False
        self._believes_instruments = True

    def open(self, now: float) -> None:
        """Begin: the connection is there."""
        self._clock.now = now
        self._ask_instruments()

    def close(self, reason: str) -> None:
        """End, for `reason`: the connection is gone, and every book is unknown."""
        self._subscriber.close(reason)

    def add(self, book: SymbolBook) -> None:
        """Subscribe to this book too, at the next tick."""
        self._subscriber.add(book)

    def remove(self, symbol: str) -> None:
        """Unsubscribe from this book."""
        self._subscriber.remove(symbol)

    @property
    def subscriptions(self) -> Mapping[str, Subscription]:
        """The subscriptions of all books that are wanted, by symbol."""
        return self._subscriber.by_symbol

    @property
    def is_complete(self) -> bool:
        """Whether the pairs are known, and every book is live or refused."""
        return self._has_instruments and self._subscriber.are_settled

    @property
    def has_verified(self) -> bool:
        """Whether a snapshot has been verified since the session began."""
        return self._book_feed.has_verified

    def tick(self, now: float) -> None:
        """Request what is due, and again what was not answered; call about once a second."""
        self._clock.now = now
        self._log.sum_up()
        is_due = now - self._instruments_asked_at >= INSTRUMENTS_RETRY_DELAY
        if not self._has_instruments:
            if is_due:
                log.warning("no pairs yet, asking again")
                self._ask_instruments()
            return
        if is_due and not self._believes_instruments:
            self._believes_instruments = True
            self._ask_instruments(anew=True)
        self._subscriber.tick()

    def begin(self, data: bytes, read_at: Timestamp) -> Iterator[None] | None:
        """Process one frame, or begin to.

        Args:
            data: The frame.
            read_at: When it was read from the socket.

        Returns:
            The rest of the work, in short steps, if the frame is large.

        Raises:
            FeedLagging: The frame is too old; the steps raise it too.
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
                    # The entries behind it are of other symbols.
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
                    self._log.info("kraken's engine", system=system)
                self.system = system
            case frames.Unknown():
                FRAMES.labels("unknown").inc()
                what = excerpt(frame.what)
                self._log.warning("frame passed over", what=what, frame=excerpt(data))

    # Pairs

    def _ask_instruments(self, *, anew: bool = False) -> None:
        self._instruments_asked_at = self._clock.now
        self.requests.ask_instruments(anew=anew)

    def _apply_instruments(self, frame: frames.Instruments) -> Iterator[None]:
        """Read pairs one by one; one that makes no sense is passed over alone."""
        pairs: list[frames.Pair] = []
        nameless = 0
        for number, raw in enumerate(frame.pairs, 1):
            try:
                pair = frames.decode_pair(raw)
            except frames.FrameError as error:
                nameless += 1
                self._log.warning("pair not understood", error=str(error), pair=excerpt(raw))
            else:
                self._apply_pair(pair, pairs)
            if number % ENTRIES_PER_STEP == 0:
                yield
        # Pairs without a name may be any: if they are most, it is not known what is listed.
        is_all = frame.is_snapshot and bool(pairs) and nameless <= len(pairs)
        self._believes_instruments = self._on_instruments(pairs, is_all)
        if frame.is_snapshot and pairs and not self._has_instruments:
            self._has_instruments = True
            self.tick(self._clock.now)

    def _apply_pair(self, pair: frames.Pair, pairs: list[frames.Pair]) -> None:
        if not is_symbol(pair.symbol):
            # It is none of the followed pairs, because it has a name.
            self._log.warning("pair with an odd name passed over", pair=excerpt(repr(pair)))
            return
        if pair.precision is None:
            self._log.warning("precisions of a pair make no sense", pair=excerpt(repr(pair)))
        self._subscriber.on_pair(pair)
        pairs.append(pair)

    # Answers

    def _on_answer(self, answer: RequestAnswer, read_at: Timestamp) -> None:
        sent = self.requests.sent(answer.req_id)
        if sent is not None:
            self.lag.on_answer(int(sent.at * 1e9), read_at.steady)
        if answer.channel == "instrument" or answer.method == "pong":
            return
        error = answer.short_error
        if answer.says_too_fast:
            self._log.warning("kraken says that requests come too fast", error=error)
            self.requests.pause(self._clock.now)
        elif sent is None or sent.symbols:
            self._subscriber.on_answer(answer, sent.symbols if sent is not None else ())
        elif answer.says_already_subscribed:
            # The pairs were lost; only a new subscription brings them.
            self._ask_instruments(anew=True)
