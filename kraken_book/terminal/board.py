"""The state of every book: the last answer of `/books`, combined with the streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from kraken_book.client import LiveBook
from kraken_book.symbols import venue_of
from kraken_book.terminal.books_poll import PolledBook
from kraken_book.terminal.mids import MidHistory
from kraken_book.terminal.verdict import Verdict, judge

MARKED_SOURCES = ("replay", "simulated")
"""Sources of books that are not live ones of a venue."""


class Board:
    """The state of every book, by symbol.

    Args:
        live: The books of the streams, by symbol.
        clock: A monotonic clock in seconds, for ages.
    """

    def __init__(self, live: Mapping[str, LiveBook], clock: Callable[[], float]) -> None:
        self.rows: Sequence[PolledBook] = ()
        """The last answer of `/books`, in its order."""
        self.failure: str | None = None
        """Why `/books` does not answer, None while it does."""
        self.mids = MidHistory()
        """The mids of the last minutes of the books that have ladders."""
        self._live = live
        self._clock = clock
        self._polled: dict[str, PolledBook] = {}
        # The seqs of the last answer but one. A stream that is not behind has reached them.
        self._expected_seqs: dict[str, int] = {}

    def record_answer(self, books: Sequence[PolledBook]) -> None:
        """Record an answer of `/books`."""
        self._expected_seqs = {book.symbol: book.seq for book in self.rows if book.seq is not None}
        self.rows, self.failure = books, None
        self._polled = {book.symbol: book for book in books}

    def record_failure(self, reason: str) -> None:
        """Record that `/books` did not answer."""
        self.failure = reason

    def live(self, symbol: str) -> LiveBook | None:
        """Return the book of a stream, None before its first event."""
        return self._live.get(symbol)

    def verdict(self, symbol: str) -> Verdict:
        """Return the status with which a followed book is shown."""
        return judge(
            self._live.get(symbol),
            self._polled.get(symbol),
            self._expected_seqs.get(symbol),
            self.failure,
            self._clock(),
        )

    def record_mids(self, symbols: Sequence[str]) -> None:
        """Record the mids of these books if a sample is due."""
        self.mids.record(self._clock(), symbols, self._mid)

    def _mid(self, symbol: str) -> Decimal | None:
        live = self._live.get(symbol)
        if live is None or self.verdict(symbol).reason is not None:
            return None
        bid, ask = live.best_bid, live.best_ask
        return (Decimal(bid.price) + Decimal(ask.price)) / 2 if bid and ask else None

    def shown(self, book: PolledBook) -> PolledBook:
        """Return a row of `/books` with the same status and reason as in the book's ladder."""
        if self.failure is None and book.symbol not in self._live:
            return book
        verdict = self.verdict(book.symbol)
        return msgspec.structs.replace(book, status=verdict.status, reason=verdict.reason)

    def age(self, symbol: str) -> float | None:
        """Return the seconds since a book was last known to match its venue."""
        polled = self._polled.get(symbol)
        return None if polled is None else polled.age(self._clock())

    def source(self, symbol: str) -> str | None:
        """Return the source of a book: the venue's name, `simulated` or `replay`."""
        known = (self._live.get(symbol), self._polled.get(symbol))
        return next((book.source for book in known if book and book.source), None)

    @property
    def marked_source(self) -> str | None:
        """`replay` or `simulated` if any book has this source, else None."""
        sources = {book.source for book in self.rows}
        return next((source for source in MARKED_SOURCES if source in sources), None)

    @property
    def has_venues(self) -> bool:
        """Whether the books are of several venues."""
        return len({venue_of(book.symbol) for book in self.rows}) > 1

    @property
    def live_count(self) -> int:
        """The number of live books, by `/books` and the streams."""
        return sum(self.shown(book).status == "live" for book in self.rows)
