"""Apply the entries of book frames to books, and verify the books.

An entry that cannot be right puts only the book of its symbol in doubt.

Kraken writes all levels in one form, `{"price":63381.0,"qty":0.00005100}`, with all decimals of the
symbol and no space. One regular expression finds them and checks their form, which is faster than
decoding JSON and checking each number. Levels in another form are decoded, with the same result.

In the compiled path, `take_plain` leaves whole runs of updates to `take`. Each update that `take`
does not take, and one in each interval of lag samples, comes by `apply_update`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import msgspec

from collector.feed.hot_path import Lane, Outbox, Take
from collector.feed.lag import FeedLag
from collector.feed.timestamp import Timestamp
from collector.metrics import (
    BAD_FRAMES,
    BOOK_FRAMES,
    FRAMES,
    VERIFIED_SNAPSHOTS,
    VERIFIED_UPDATES,
)
from collector.venues.kraken.answers import excerpt
from collector.venues.kraken.frames import (
    NO_LEVELS,
    BookEntry,
    BookParts,
    FrameError,
    decode_entry,
)
from collector.venues.kraken.subscriber import Subscriber
from collector.venues.subscription import Event, State, Subscription
from kraken_book.book import CHECKSUM_LEVELS
from kraken_book.errors import BookError
from kraken_book.level import Level, level_of, make_level
from kraken_book.precision import Precision, plain_pattern
from kraken_book.timestamps import rfc3339
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

# The name of the logger in LOG_LEVEL. It does not change if the module moves.
log = get_logger("collector.kraken")

# Entries of a large frame that are processed before yielding to the event loop.
ENTRIES_PER_STEP = 50

# Far above Kraken's largest frames. A longer list would block every other book.
MAX_LEVELS = 10_000

# Characters of each level besides its numbers, with the comma or the bracket behind it.
_AROUND_NUMBERS = len('{"price":,"qty":},')

# A snapshot may also come for a live book, without a request.
_TAKES_SNAPSHOTS = (State.LIVE, State.ACKNOWLEDGED)


class _Level(msgspec.Struct, gc=False):
    price: msgspec.Raw
    qty: msgspec.Raw


_levels = msgspec.json.Decoder(list[_Level])


class BookFeed:
    """Applies book frames to the books of one session.

    Args:
        subscriber: The subscriptions of the session; it resyncs doubtful books.
        lag: Measures the lag by each update.
        limited_log: Logger of lines that Kraken can cause any number of times.
        take: `take` of the compiled path, None in the pure path.

    Attributes:
        has_verified: Whether a snapshot has been verified.
    """

    def __init__(
        self,
        subscriber: Subscriber,
        lag: FeedLag,
        limited_log: LimitedLog,
        take: Take | None = None,
    ) -> None:
        self.has_verified = False
        self._take = take
        self._woken: list[Outbox] = []
        self._subscriber = subscriber
        self._by_symbol = subscriber.by_symbol
        self._lag = lag
        self._log = limited_log

    def take_plain(self, messages: list[bytes], first: int, read_at: Timestamp) -> int:
        """Apply updates in Kraken's usual form, from `messages[first:]`, in the compiled path.

        Args:
            messages: Messages of one connection, in order.
            first: The index of the first message to apply.
            read_at: Time at which the messages were read.

        Returns:
            The index of the first message that was not applied. It is to be applied alone.
        """
        if self._take is None or self._lag.is_sample_due(read_at):
            return first
        woken, lanes = self._woken, self._subscriber.lanes
        received_at = rfc3339(read_at.unix)
        next_, wrong = self._take(lanes, messages, first, read_at, received_at, woken)
        taken = next_ - first
        BOOK_FRAMES.inc(taken)
        VERIFIED_UPDATES.inc(taken - (wrong is not None))
        for outbox in woken:
            outbox.on_waiting()
        woken.clear()
        if wrong is not None:
            self._doubt_wrong(*wrong)
        return next_

    def _doubt_wrong(self, lane: Lane, checksum: int) -> None:
        subscription = self._by_symbol[lane.symbol]
        book = subscription.book.book
        assert book is not None, f"{lane.symbol} has no book to update"
        try:
            book.verify(checksum)
        except BookError as error:
            self._subscriber.doubt(subscription, error.reason, str(error))
        else:
            raise AssertionError(f"{lane.symbol} has the checksum {checksum}")

    def apply_update(self, entry: BookEntry, read_at: Timestamp) -> None:
        """Apply an update to its book, and verify the book.

        A FeedLagging is raised if the frame is too old, and a FrameError if its levels cannot be
        decoded.

        Args:
            entry: One symbol's part of an update frame.
            read_at: Time at which the frame was read.
        """
        subscription = self._by_symbol.get(entry.symbol)
        if subscription is None or subscription.state is not State.LIVE:
            self._on_update_out_of_place(entry, subscription)
            return
        # Before the update is applied, so that no old book is shown as current.
        self._lag.on_update(entry.symbol, entry.timestamp, read_at)
        book = subscription.book
        try:
            bids, asks = parse_levels(entry, book.known_precision)
            book.take_update(bids, asks, entry.checksum, entry.timestamp, read_at)
        except BookError as error:
            self._subscriber.doubt(subscription, error.reason, str(error))
        else:
            VERIFIED_UPDATES.inc()

    def _on_update_out_of_place(self, entry: BookEntry, subscription: Subscription | None) -> None:
        if subscription is None:
            self._log_unwanted(entry)
        elif subscription.state is State.ACKNOWLEDGED:
            self._subscriber.doubt(subscription, "early", "an update came before its snapshot")
        # In other states, the update belongs to an earlier subscription, and is ignored.

    def apply_snapshot(self, entry: BookEntry, read_at: Timestamp) -> None:
        """Replace a book by a snapshot, and verify it.

        A FrameError is raised if the levels cannot be decoded.

        Args:
            entry: One symbol's part of a snapshot frame.
            read_at: Time at which the frame was read.
        """
        subscription = self._by_symbol.get(entry.symbol)
        if subscription is None:
            self._log_unwanted(entry)
            return
        # The acknowledgement may have been lost, or mistaken for a refusal.
        self._subscriber.acknowledge(subscription)
        if subscription.state not in _TAKES_SNAPSHOTS:
            return
        book = subscription.book
        try:
            bids, asks = parse_levels(entry, book.known_precision)
            book.take_snapshot(bids, asks, entry.checksum, entry.timestamp, read_at)
        except BookError as error:
            self._subscriber.doubt(subscription, error.reason, str(error))
            return
        VERIFIED_SNAPSHOTS.inc()
        self.has_verified = True
        if subscription.move(Event.VERIFIED):
            log.info("book is live", symbol=book.symbol)

    def apply_parts(self, frame: BookParts, read_at: Timestamp) -> Iterator[None]:
        """Apply the entries of a large or partly broken frame, in short steps.

        Yields:
            None after each step, for the caller to yield to the event loop.
        """
        apply = self.apply_update if frame.type == "update" else self.apply_snapshot
        for number, raw in enumerate(frame.data, 1):
            try:
                apply(decode_entry(raw), read_at)
            except FrameError as error:
                self.on_bad_frame(error, raw)
            if number % ENTRIES_PER_STEP == 0:
                yield

    def on_bad_frame(self, error: FrameError, data: bytes | msgspec.Raw) -> None:
        """Resync the books that a frame may have changed, because it cannot be decoded."""
        FRAMES.labels("bad").inc()
        BAD_FRAMES.inc()
        self._log.warning("frame not understood", error=str(error), frame=excerpt(data))
        is_named = bool(error.symbols)
        doubtful = _TAKES_SNAPSHOTS if is_named else (State.LIVE,)
        for symbol in error.symbols if is_named else self._harmed_unnoticed(error):
            subscription = self._by_symbol.get(symbol)
            if subscription is not None and subscription.state in doubtful:
                self._subscriber.doubt(subscription, "frame", str(error))

    def _harmed_unnoticed(self, error: FrameError) -> Iterable[str]:
        """Return the symbols that a frame without a symbol may have changed unnoticed."""
        # The checksum covers the best ten levels, so the symbol's next frame shows a loss there.
        return [
            symbol
            for symbol, subscription in self._by_symbol.items()
            if error.is_book and subscription.book.depth > CHECKSUM_LEVELS
        ]

    def _log_unwanted(self, entry: BookEntry) -> None:
        self._log.debug("book not subscribed to, ignored", symbol=excerpt(entry.symbol))


def parse_levels(entry: BookEntry, precision: Precision) -> tuple[list[Level], list[Level]]:
    """Return the bids and the asks of one symbol's part of a frame.

    A LevelError is raised if a level is invalid at this precision.

    Raises:
        FrameError: They are not lists of levels, or longer than any book.
    """
    try:
        return _side(entry.bids, precision), _side(entry.asks, precision)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FrameError(str(error), [entry.symbol], is_book=True) from None


def _side(data: msgspec.Raw, precision: Precision) -> list[Level]:
    # Most frames have one empty side.
    if data == NO_LEVELS:
        return []
    text = _text(data)
    if len(text) > MAX_LEVELS and text.count("{") > MAX_LEVELS:
        raise msgspec.DecodeError(f"more than {MAX_LEVELS} levels")
    levels, left = [], len(text) - len("[")
    for price, qty in _finder(precision)(text):
        levels.append(level_of(price, qty))
        left -= len(price) + len(qty) + _AROUND_NUMBERS
    if levels and not left:
        return levels
    # Some levels have another form, or this is not a list.
    return [
        make_level(_text(level.price), _text(level.qty), precision)
        for level in _levels.decode(data)
    ]


def _text(data: msgspec.Raw) -> str:
    # Latin-1 decodes any byte. The parser rejects text that is not a number.
    return str(data, "latin-1")


@cache
def _finder(precision: Precision) -> Callable[[str], list[tuple[str, str]]]:
    price, qty = map(plain_pattern, precision)
    return re.compile(rf'\{{"price":({price}),"qty":({qty})\}}').findall
