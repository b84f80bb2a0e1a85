"""A reader's book: verified from its events, with a status that shows whether it is current.

`kraken_book.verified_book` has the rules from events to a book. This module adds the outages of the
connection and the statuses of the api.
"""

from __future__ import annotations

from time import monotonic, time_ns

from kraken_book.book import Book
from kraken_book.errors import BookInvalid
from kraken_book.event import Event, Lagged, Snapshot, Status, StatusChange, Update
from kraken_book.frozen_book import FrozenBook
from kraken_book.level import Level
from kraken_book.precision import Precision
from kraken_book.readable_book import ReadableBook
from kraken_book.timestamps import rfc3339
from kraken_book.verified_book import BookState, Counts, VerifiedBook

__all__ = ["DISCONNECTED", "NO_BOOK_YET", "LiveBook"]

NO_BOOK_YET = "no book yet"
DISCONNECTED = "disconnected"


class LiveBook(ReadableBook):
    """One symbol's book, changed in place by each event; `freeze` copies it.

    The levels are those of the last verified book, best first. There are none before the first
    snapshot and after an invalid event. Use the levels as the current book only if `is_live` is
    true. Otherwise `status` is `syncing` if the reader or the collector does not have the book, or
    `stale` if the book has not been confirmed for too long or this reader is `disconnected`.
    `reason` contains the cause.
    """

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self.event: Event | None = None
        """The event of the last change. If this reader changed the status, it has no seq."""
        self.rejected: Event | None = None
        """The last event that did not lead to a verified book, None if there was none."""
        self._verified = VerifiedBook(symbol)
        self._is_connected = True
        # The api's last status on this stream, None if it was `live`.
        self._api_status: StatusChange | None = None
        self._came_at: float | None = None

    @property
    def symbol(self) -> str:
        """The symbol in the api's spelling."""
        return self._symbol

    @property
    def status(self) -> Status:
        """`live`, `syncing` or `stale`."""
        return self._status_and_reason()[0]

    @property
    def reason(self) -> str | None:
        """Why the book is not live, in a word or two; None if unknown."""
        return self._status_and_reason()[1]

    @property
    def is_doubted(self) -> bool:
        """Whether an event was invalid, so that there is no book until the next snapshot."""
        return self._verified.state is BookState.INVALID

    @property
    def is_verified(self) -> bool:
        """Whether the levels are those after the last numbered event, whatever the api says."""
        return self._verified.state is BookState.VERIFIED

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, None if there is no bid."""
        return self._book.bids.best if self._book else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, None if there is no ask."""
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
        """The best ask minus the best bid at the symbol's precision, None if a side is empty."""
        return self._book.spread if self._book else None

    @property
    def depth(self) -> int | None:
        """The maximum number of levels of a side, None before the first book."""
        return self._book.depth if self._book else None

    @property
    def precision(self) -> Precision | None:
        """The decimals of prices and quantities, None before the first book."""
        return self._book.precision if self._book else None

    @property
    def source(self) -> str | None:
        """The venue's name, `simulated` or `replay`; None before the first book."""
        return self._verified.source or None

    @property
    def proof(self) -> str | None:
        """How the collector proved the book against its venue; None if unknown."""
        return self._verified.proof

    @property
    def checksum(self) -> int | None:
        """The checksum with which the levels were verified, None if there are none."""
        return self._verified.checksum if self._book else None

    @property
    def exchange_time(self) -> str | None:
        """When Kraken last changed the book: RFC 3339, UTC."""
        return self._verified.exchange_time

    @property
    def counts(self) -> Counts:
        """Counts of the book's events since the watch began, by outcome."""
        return self._verified.counts

    @property
    def epoch(self) -> int | None:
        """The epoch of the last numbered event."""
        return self._verified.position.epoch if self._verified.position else None

    @property
    def seq(self) -> int | None:
        """The number of the last numbered event."""
        return self._verified.position.seq if self._verified.position else None

    @property
    def age(self) -> float | None:
        """Seconds since the last event arrived. An unchanged book may be old and still live."""
        return None if self._came_at is None else monotonic() - self._came_at

    @property
    def _book(self) -> Book | None:
        return self._verified.book

    def freeze(self) -> FrozenBook:
        """Return an immutable copy."""
        status, reason = self._status_and_reason()
        return FrozenBook(
            symbol=self.symbol,
            status=status,
            reason=reason,
            source=self.source,
            depth=self.depth,
            precision=self.precision,
            epoch=self.epoch,
            seq=self.seq,
            checksum=self.checksum,
            exchange_time=self.exchange_time,
            bids=tuple(self.bids),
            asks=tuple(self.asks),
            proof=self.proof,
        )

    def apply(self, event: Event) -> bool:
        """Apply the stream's next event of this book.

        Args:
            event: A numbered event, `lagged`, or a status of the api.

        Returns:
            Whether the event changed anything.

        Raises:
            BookInvalid: The event does not lead to a verified book. The book is dropped, and events
                are ignored until the next snapshot.
        """
        if isinstance(event, StatusChange) and (event.seq is None or event.epoch is None):
            self._api_status = None if event.status == "live" else event
        else:
            try:
                if not self._verified.apply(event):
                    return False
            except BookInvalid:
                self.rejected = event
                self._record_status()
                raise
            self._forget_api_status(event)
        self.event, self._came_at = event, monotonic()
        return True

    def begin(self) -> None:
        """Prepare for another stream, which begins with a snapshot at any position."""
        self._verified.begin()
        self._api_status = None

    def connect(self) -> None:
        """Record that a stream opened, and forget the status of the api, which may be another."""
        self._is_connected, self._api_status = True, None
        self._record_status()

    def disconnect(self) -> None:
        """Record that the stream ended."""
        self._is_connected = False
        self._record_status()

    def _status_and_reason(self) -> tuple[Status, str | None]:
        """Return the status and its reason; the strongest doubt about the book wins."""
        verified = self._verified
        if verified.state is BookState.INVALID:
            return "syncing", verified.invalid_reason
        if not self._is_connected:
            return "stale", DISCONNECTED
        if verified.state is BookState.LAGGED:
            return "syncing", "lagged"
        for change in (self._api_status, verified.collector_status):
            if change is not None:
                return change.status, change.reason
        if verified.state is BookState.VERIFIED:
            return "live", None
        return "syncing", NO_BOOK_YET

    def _forget_api_status(self, event: Event) -> None:
        """Forget the api's status where it says it again if it still holds."""
        if self._api_status is None:
            return
        # After `lagged` the book is opened again, with its status.
        is_opened_again = isinstance(event, Lagged)
        # An api sends `syncing` to a reader that arrives before the book, and no `live` after it.
        is_first_book = (
            isinstance(event, Snapshot | Update) and self._api_status.status == "syncing"
        )
        if is_opened_again or is_first_book:
            self._api_status = None

    def _record_status(self) -> None:
        status, reason = self._status_and_reason()
        at = rfc3339(time_ns())
        self.event = StatusChange(self.symbol, None, None, status, reason, at)
