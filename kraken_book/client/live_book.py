"""A book that a reader rebuilds from its events, and proves after each of them.

What is taken here is what one stream brings of one symbol, in the order of the stream. The book is
the collector's own (`kraken_book.book`); the rules of the order are those of `docs/contract.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from time import monotonic, time_ns
from typing import Literal

import msgspec

from kraken_book.book import DEPTHS, Book, ChecksumMismatch, CrossedBook
from kraken_book.event import Event, Lagged, Snapshot, Status, StatusChange, Update
from kraken_book.level import Level, LevelError
from kraken_book.position import Position
from kraken_book.precision import MAX_TEXT, Precision
from kraken_book.printable import printable
from kraken_book.timestamps import rfc3339

DoubtReason = Literal["checksum", "crossed", "level", "gap", "unverified"]
_Apply = Callable[[Iterable[Level], Iterable[Level]], None]
NO_BOOK_YET = "no book yet"
DISCONNECTED = "disconnected"


class Doubt(Exception):
    """The book cannot be right; only a snapshot helps. `reason` is one word for it."""

    def __init__(self, reason: DoubtReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Standing(Enum):
    """What a reader has of a book by itself, whatever the api says of it."""

    WAITING = "waiting for the first snapshot"
    VERIFIED = "verified"
    SYNCING = "the collector has it no more, and will send a snapshot"
    LAGGED = "events were missed, a snapshot follows"
    DOUBTED = "it was wrong, and is gone"


class Counts(msgspec.Struct):
    """What came of one book, counted since the watch began."""

    verified: int = 0
    """Events whose book had the checksum that Kraken sent."""
    repeated: int = 0
    """Events that were there already, and were dropped."""
    conflated: int = 0
    """Events that a snapshot stood for, where that is known."""
    lagged: int = 0
    """How often the api said that this reader missed events."""
    missed: int = 0
    """How many those were, where that is known."""
    doubts: int = 0
    """Events that did not lead to a book that is right."""


class LiveBook:
    """One symbol's book as this reader knows it, changed in place by each event.

    Levels are those of the last verified book, best first; there are none before the first and
    after a doubt. Whether they hold now is what `is_live` says, and `status` with `reason`: `live`,
    `syncing` (the book is not known, here or at the collector) or `stale` (nobody has confirmed it
    of late, or this reader is `disconnected`).
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.event: Event | None = None
        """What changed the book last; a `StatusChange` of this reader's own has no seq."""
        self.counts = Counts()
        self.source: str | None = None
        """`kraken`, or `simulated`."""
        self.exchange_time: str | None = None
        """When Kraken made the book's last change: RFC 3339, UTC."""
        self._book: Book | None = None
        self._position: Position | None = None
        self._standing = Standing.WAITING
        self._doubt: DoubtReason | None = None
        self._is_connected = True
        # The last word of the collector, and of the api behind this stream; None where it is live.
        self._of_collector: StatusChange | None = None
        self._of_api: StatusChange | None = None
        self._came_at: float | None = None

    def __repr__(self) -> str:
        bid, ask = self.best_bid, self.best_ask
        prices = f"{bid.price if bid else '-'}/{ask.price if ask else '-'}"
        why = f": {self.reason}" if self.reason else ""
        return printable(f"<LiveBook {self.symbol} {prices} seq {self.seq} {self.status}{why}>")

    @property
    def is_live(self) -> bool:
        """Whether the book is verified, and known to match Kraken now."""
        return self.status == "live"

    @property
    def status(self) -> Status:
        """`live`, `syncing` or `stale`."""
        return self._verdict()[0]

    @property
    def reason(self) -> str | None:
        """Why it is not live, in a word or two; None where nobody said."""
        return self._verdict()[1]

    @property
    def is_doubted(self) -> bool:
        """Whether what came last could not be right, so that there is no book."""
        return self._standing is Standing.DOUBTED

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, None where there is none."""
        return self._book.bids.best if self._book else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, None where there is none."""
        return self._book.asks.best if self._book else None

    @property
    def bids(self) -> list[Level]:
        """The bids, highest first."""
        return list(self._book.bids) if self._book else []

    @property
    def asks(self) -> list[Level]:
        """The asks, lowest first."""
        return list(self._book.asks) if self._book else []

    @property
    def spread(self) -> str | None:
        """Best ask less best bid at the symbol's precision, None where a side is empty."""
        return self._book.spread if self._book else None

    @property
    def depth(self) -> int | None:
        """How many levels a side has at most, None before the first book."""
        return self._book.depth if self._book else None

    @property
    def precision(self) -> Precision | None:
        """The decimals of prices and quantities, None before the first book."""
        return self._book.precision if self._book else None

    @property
    def epoch(self) -> int | None:
        """The epoch of the last event that had one."""
        return self._position.epoch if self._position else None

    @property
    def seq(self) -> int | None:
        """The number of the last event that had one."""
        return self._position.seq if self._position else None

    @property
    def age(self) -> float | None:
        """Seconds since the last event came; a quiet book may be old and live."""
        return None if self._came_at is None else monotonic() - self._came_at

    def take(self, event: Event) -> bool:
        """Take the stream's next event of this book; whether it changed anything.

        Raises Doubt where the book cannot be right: it is then gone, and what follows is passed
        over until a snapshot comes.
        """
        if self._passes_over(event):
            return False
        try:
            self._take(event)
        except Doubt as doubt:
            self._drop(doubt.reason)
            raise
        self.event, self._came_at = event, monotonic()
        return True

    def begin(self) -> None:
        """Another stream is to open with a snapshot, wherever that stands."""
        self._position = self._of_collector = self._of_api = None
        if self._standing is not Standing.DOUBTED:
            self._standing = Standing.WAITING

    def connect(self) -> None:
        """The stream is there, maybe another replica's: what the last one said is not known."""
        self._is_connected, self._of_api = True, None
        self._tell_verdict()

    def disconnect(self) -> None:
        """The stream is gone."""
        self._is_connected = False
        self._tell_verdict()

    def _verdict(self) -> tuple[Status, str | None]:
        if self._standing is Standing.DOUBTED:
            return "syncing", self._doubt
        if not self._is_connected:
            return "stale", DISCONNECTED
        if self._standing is Standing.LAGGED:
            return "syncing", "lagged"
        for word in (self._of_api, self._of_collector):
            if word is not None:
                return word.status, word.reason
        if self._standing is Standing.VERIFIED:
            return "live", None
        return "syncing", NO_BOOK_YET

    def _tell_verdict(self) -> None:
        status, reason = self._verdict()
        at = rfc3339(time_ns())
        self.event = StatusChange(self.symbol, None, None, status, reason, at)

    def _passes_over(self, event: Event) -> bool:
        if isinstance(event, Lagged) or event.seq is None or event.epoch is None:
            return False
        if isinstance(event, Snapshot) and self._standing in {Standing.LAGGED, Standing.DOUBTED}:
            return False
        if self._standing is Standing.DOUBTED:
            return True
        is_repeat = (
            self._position is not None and Position(event.epoch, event.seq) <= self._position
        )
        self.counts.repeated += is_repeat
        return is_repeat

    def _take(self, event: Event) -> None:
        match event:
            case Snapshot():
                self._replace(event)
            case Update():
                self._update(event)
            case Lagged():
                self._lag(event)
            case StatusChange(seq=None) | StatusChange(epoch=None):
                self._of_api = None if event.status == "live" else event
            case StatusChange():
                self._change(event)

    def _replace(self, event: Snapshot) -> None:
        if self._position is not None and self._standing is not Standing.LAGGED:
            self.counts.conflated += event.conflated or 0
        # Snapshots are made of verified, live books alone; where the status is another, it follows.
        self._of_collector = None
        book = Book(self.symbol, *_sane(event))
        self._apply(book.replace, book, event)
        self._book, self.source = book, event.source
        self._standing, self._doubt = Standing.VERIFIED, None

    def _update(self, event: Update) -> None:
        if self._standing is not Standing.VERIFIED or self._book is None:
            raise Doubt("gap", f"update {event.seq} came before a snapshot")
        self._demand_next(event)
        self._apply(self._book.update, self._book, event)

    def _apply(self, apply: _Apply, book: Book, event: Snapshot | Update) -> None:
        try:
            apply(book.levels(event.bids), book.levels(event.asks))
            if event.checksum is None:
                raise Doubt("unverified", f"event {event.seq} came without a checksum")
            book.verify(event.checksum)
        except LevelError as error:
            raise Doubt("level", str(error)) from error
        except ChecksumMismatch as error:
            raise Doubt("checksum", f"event {event.seq}: {error}") from error
        except CrossedBook as error:
            raise Doubt("crossed", f"event {event.seq}: {error}") from error
        # An api says `syncing` to a reader that comes before the book; nothing else ends that.
        if self._of_api is not None and self._of_api.status == "syncing":
            self._of_api = None
        self.counts.verified += 1
        self.exchange_time = event.exchange_time
        self._position = Position(event.epoch, event.seq)

    def _change(self, event: StatusChange) -> None:
        assert event.epoch is not None
        assert event.seq is not None
        is_same_epoch = self._position is not None and self._position.epoch == event.epoch
        if is_same_epoch:
            self._demand_next(event)
        self._position = Position(event.epoch, event.seq)
        self._of_collector = None if event.status == "live" else event
        # A book that was lost, or is another leader's, comes back with a snapshot only.
        if self._standing is Standing.VERIFIED and (event.status != "live" or not is_same_epoch):
            self._standing = Standing.SYNCING

    def _demand_next(self, event: Update | StatusChange) -> None:
        assert event.epoch is not None
        assert event.seq is not None
        last = self._position
        if last is None or not Position(event.epoch, event.seq).is_right_after(last):
            raise Doubt("gap", f"after event {last} came {event.seq} of epoch {event.epoch}")

    def _lag(self, event: Lagged) -> None:
        self.counts.lagged += 1
        self.counts.missed += event.missed or 0
        self._standing = Standing.LAGGED

    def _drop(self, reason: DoubtReason) -> None:
        self.counts.doubts += 1
        self._book = None
        self._standing, self._doubt = Standing.DOUBTED, reason
        self._tell_verdict()


def _sane(event: Snapshot) -> tuple[int, Precision]:
    """The depth and the precision of a snapshot; raises Doubt where no book has such."""
    precision = Precision(event.price_precision, event.qty_precision)
    if event.depth not in DEPTHS or not all(0 <= decimals < MAX_TEXT for decimals in precision):
        raise Doubt("level", f"a book of depth {event.depth} and {precision}")
    return event.depth, precision
