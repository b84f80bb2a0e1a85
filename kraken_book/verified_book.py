"""A book that is rebuilt from its events and verified after each event.

The client and the api's views share this state machine. Its rules of order are those of
`docs/contract.md`. It does not handle streams or connections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

import msgspec

from kraken_book.book import DEPTHS, Book
from kraken_book.errors import BookError, BookInvalid, InvalidReason
from kraken_book.event import Event, Lagged, Snapshot, StatusChange, Update
from kraken_book.level import Level
from kraken_book.position import Position
from kraken_book.precision import MAX_TEXT, Precision

__all__ = ["BookState", "Counts", "VerifiedBook"]

_Apply = Callable[[Iterable[Level], Iterable[Level]], None]


class BookState(Enum):
    """How far the book can be trusted, by its numbered events.

    Numbered events have an epoch and a seq. The api's own statuses do not, and have no effect here.
    """

    WAITING = "waiting for the first snapshot"
    VERIFIED = "verified"
    SYNCING = "lost by the collector, which will send a snapshot"
    LAGGED = "events were missed, a snapshot follows"
    INVALID = "dropped until a snapshot comes"


# Globals, because every event looks these up.
_VERIFIED, _INVALID = BookState.VERIFIED, BookState.INVALID


class Counts(msgspec.Struct):
    """Counts of one book's events, by outcome."""

    verified: int = 0
    """Events after which the book had the venue's checksum."""
    repeated: int = 0
    """Events that had already been applied, and were dropped."""
    conflated: int = 0
    """Events that were replaced by snapshots, as far as known."""
    lagged: int = 0
    """`lagged` events: how often this reader missed events."""
    missed: int = 0
    """Events that this reader missed, as far as known."""
    doubts: int = 0
    """Events that did not lead to a verified book."""


class VerifiedBook:
    """One symbol's book, changed in place by each event.

    `book` is the last verified book. It is None before the first snapshot, and after an event that
    did not lead to a verified book. It is the current book only if `state` is VERIFIED.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.state = BookState.WAITING
        self.book: Book | None = None
        self.position: Position | None = None
        """The position of the last event, None before the first."""
        self.source = ""
        """The venue's name, `simulated` or `replay`; empty before the first snapshot."""
        self.proof: str | None = None
        """How the collector proved the book against its venue; None if unknown."""
        self.checksum = 0
        """The checksum of the last verified book."""
        self.exchange_time: str | None = None
        """When the venue last changed the book: RFC 3339, UTC."""
        self.received_at: str | None = None
        """When the collector received that change, None if unknown."""
        self.collector_status: StatusChange | None = None
        """The collector's last status if it was not `live`; None again after a snapshot."""
        self.invalid_reason: InvalidReason | None = None
        """Why the book is INVALID; not reset before the next snapshot."""
        self.counts = Counts()

    def apply(self, event: Event) -> bool:
        """Apply the next event of this book.

        Args:
            event: A numbered event, or `lagged`. Do not pass the statuses of the api, which have no
                number and do not concern the levels.

        Returns:
            Whether the event changed anything. A repeated event does not, nor does an event between
            an invalid book and the next snapshot.

        Raises:
            BookInvalid: The event does not lead to a verified book. The book is dropped, and events
                are ignored until the next snapshot.
        """
        if isinstance(event, Lagged):
            self._record_missed(event)
            return True
        position = _position_of(event)
        if self._ignore(event, position):
            return False
        try:
            if isinstance(event, Snapshot):
                self._replace(event, position)
            elif isinstance(event, Update):
                self._update(event, position)
            else:
                self._change_status(event, position)
        except BookInvalid as error:
            self.counts.doubts += 1
            self.book = None
            self.state, self.invalid_reason = _INVALID, error.reason
            raise
        return True

    def begin(self) -> None:
        """Prepare for another stream, which begins with a snapshot at any position."""
        self.position = self.collector_status = None
        # An invalid book stays INVALID, with its reason, until the snapshot.
        if self.state is not _INVALID:
            self.state = BookState.WAITING

    def _ignore(self, event: Snapshot | Update | StatusChange, position: Position) -> bool:
        """Return whether to ignore the event, and count it if it is repeated."""
        if self.state is _INVALID:
            return not isinstance(event, Snapshot)
        if self.position is None or position > self.position:
            return False
        if isinstance(event, Snapshot) and self.state is BookState.LAGGED:
            # After missed events, a snapshot at any position replaces the book.
            return False
        self.counts.repeated += 1
        return True

    def _replace(self, event: Snapshot, position: Position) -> None:
        # A reader's first snapshot replaces nothing that it had. After `lagged` the events before
        # the snapshot are counted as missed.
        if self.position is not None and self.state is not BookState.LAGGED:
            self.counts.conflated += event.conflated or 0
        # A collector sends snapshots of live books only, so the status is `live` again.
        self.collector_status = None
        book = _empty_book(event)
        self._verify(book.replace, book, event)
        self.book, self.source, self.position = book, event.source, position
        self.proof = event.proof
        self.state, self.invalid_reason = _VERIFIED, None

    def _update(self, event: Update, position: Position) -> None:
        if self.state is not _VERIFIED or self.book is None:
            raise BookInvalid("gap", f"update {event.seq} came before a snapshot")
        self._require_next(position)
        self._verify(self.book.update, self.book, event)
        self.position = position

    def _verify(self, apply: _Apply, book: Book, event: Snapshot | Update) -> None:
        """Apply an event's levels to `book`, and raise BookInvalid if the result is wrong."""
        if event.checksum is None:
            raise BookInvalid("unverified", f"event {event.seq} came without a checksum")
        try:
            apply(book.levels(event.bids), book.levels(event.asks))
            book.verify(event.checksum)
        except BookError as error:
            raise BookInvalid(error.reason, f"event {event.seq}: {error}") from error
        self.counts.verified += 1
        self.checksum = event.checksum
        self.exchange_time, self.received_at = event.exchange_time, event.received_at

    def _change_status(self, event: StatusChange, position: Position) -> None:
        is_same_epoch = self.position is not None and self.position.epoch == position.epoch
        if is_same_epoch and self.state is not BookState.LAGGED:
            self._require_next(position)
        self.position = position
        self.collector_status = None if event.status == "live" else event
        # The collector has lost the book, or a new leader has not sent its own yet. Even if the
        # status is `live`, the book is current only after the next snapshot.
        if self.state is _VERIFIED and (event.status != "live" or not is_same_epoch):
            self.state = BookState.SYNCING

    def _require_next(self, position: Position) -> None:
        if self.position is None or not position.is_right_after(self.position):
            raise BookInvalid("gap", f"event {position} does not follow {self.position}")

    def _record_missed(self, event: Lagged) -> None:
        self.counts.lagged += 1
        self.counts.missed += event.missed or 0
        self.state = BookState.LAGGED


def _position_of(event: Snapshot | Update | StatusChange) -> Position:
    assert event.epoch is not None, "an event without a position"
    assert event.seq is not None
    return Position(event.epoch, event.seq)


def _empty_book(event: Snapshot) -> Book:
    precision = Precision(event.price_precision, event.qty_precision)
    # The whole text of a price or quantity has at most MAX_TEXT characters.
    if event.depth not in DEPTHS or not all(0 <= decimals < MAX_TEXT for decimals in precision):
        raise BookInvalid("level", f"impossible depth {event.depth} or {precision}")
    return Book(event.symbol, event.depth, precision)
