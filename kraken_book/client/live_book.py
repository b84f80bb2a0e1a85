"""A book as one reader knows it: verified from its events, with what the stream says of it.

`kraken_book.verified_book` has the rules from events to a book. Here are added the outages of the
connection and the api's own statuses, which decide whether the verified book is still the book of
now.
"""

from __future__ import annotations

from time import monotonic, time_ns

from kraken_book.book import Book
from kraken_book.errors import BookInvalid
from kraken_book.event import Event, Snapshot, Status, StatusChange, Update
from kraken_book.level import Level
from kraken_book.precision import Precision
from kraken_book.printable import printable
from kraken_book.timestamps import rfc3339
from kraken_book.verified_book import BookState, Counts, VerifiedBook

NO_BOOK_YET = "no book yet"
DISCONNECTED = "disconnected"


class LiveBook:
    """One symbol's book as this reader knows it, changed in place by each event.

    Levels are those of the last verified book, best first; there are none before the first and
    after an invalid event. `is_live` says whether they are the book of now. `status` with `reason`
    says why not: `syncing` (the book is not known, here or at the collector) or `stale` (it has not
    been confirmed for too long, or this reader is `disconnected`).
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.event: Event | None = None
        """What changed the book last; a `StatusChange` of this reader's own has no seq."""
        self._verified = VerifiedBook(symbol)
        self._is_connected = True
        # The last status of the api behind this stream, None if it was `live`.
        self._api_status: StatusChange | None = None
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
        return self._status_and_reason()[0]

    @property
    def reason(self) -> str | None:
        """Why it is not live, in a word or two; None if nobody said."""
        return self._status_and_reason()[1]

    @property
    def is_doubted(self) -> bool:
        """Whether the last event was invalid, so that there is no book until a snapshot comes."""
        return self._verified.state is BookState.INVALID

    @property
    def best_bid(self) -> Level | None:
        """The highest bid, None if there is none."""
        return self._book.bids.best if self._book else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask, None if there is none."""
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
        """Best ask less best bid at the symbol's precision, None if a side is empty."""
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
    def source(self) -> str | None:
        """`kraken`, or `simulated`; None before the first book."""
        return self._verified.source or None

    @property
    def exchange_time(self) -> str | None:
        """When Kraken made the book's last change: RFC 3339, UTC."""
        return self._verified.exchange_time

    @property
    def counts(self) -> Counts:
        """What became of the book's events since the watch began."""
        return self._verified.counts

    @property
    def epoch(self) -> int | None:
        """The epoch of the last event that had one."""
        return self._verified.position.epoch if self._verified.position else None

    @property
    def seq(self) -> int | None:
        """The number of the last event that had one."""
        return self._verified.position.seq if self._verified.position else None

    @property
    def age(self) -> float | None:
        """Seconds since the last event came; a quiet book may be old and live."""
        return None if self._came_at is None else monotonic() - self._came_at

    @property
    def _book(self) -> Book | None:
        return self._verified.book

    def apply(self, event: Event) -> bool:
        """Apply the stream's next event of this book, and return whether it changed anything.

        Raises:
            BookInvalid: The event does not lead to a right book. The book is dropped, and events
                are ignored until a snapshot comes.
        """
        if isinstance(event, StatusChange) and (event.seq is None or event.epoch is None):
            self._api_status = None if event.status == "live" else event
        else:
            try:
                if not self._verified.apply(event):
                    return False
            except BookInvalid:
                self._note_status()
                raise
            self._end_waiting_for_book(event)
        self.event, self._came_at = event, monotonic()
        return True

    def begin(self) -> None:
        """Expect another stream, which opens with a snapshot at any position."""
        self._verified.begin()
        self._api_status = None

    def connect(self) -> None:
        """Note that the stream is there; it may be another replica's, so the api said nothing."""
        self._is_connected, self._api_status = True, None
        self._note_status()

    def disconnect(self) -> None:
        """Note that the stream is gone."""
        self._is_connected = False
        self._note_status()

    def _status_and_reason(self) -> tuple[Status, str | None]:
        """Return the status and its reason; whatever speaks most against the book wins."""
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

    def _end_waiting_for_book(self, event: Event) -> None:
        # An api says `syncing` to a reader that comes before the book; nothing else ends that.
        is_of_book = isinstance(event, Snapshot | Update)
        if is_of_book and self._api_status is not None and self._api_status.status == "syncing":
            self._api_status = None

    def _note_status(self) -> None:
        status, reason = self._status_and_reason()
        at = rfc3339(time_ns())
        self.event = StatusChange(self.symbol, None, None, status, reason, at)
