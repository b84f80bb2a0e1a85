"""What the terminal knows of every book: what `/books` told, and what the streams brought."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from kraken_book.client import LiveBook
from kraken_book.terminal.books_poll import PolledBook
from kraken_book.terminal.verdict import Verdict, judge


class Board:
    """Every book, by symbol. Ages are by `clock`, in seconds."""

    def __init__(self, live: Mapping[str, LiveBook], clock: Callable[[], float]) -> None:
        self.rows: Sequence[PolledBook] = ()
        """The last answer of `/books`, in its order."""
        self.failure: str | None = None
        """Why `/books` does not answer, None while it does."""
        self._live = live
        self._clock = clock
        self._polled: dict[str, PolledBook] = {}
        # What the answer before the last one told: the streams have brought it since.
        self._owed: dict[str, int] = {}

    def take_answer(self, books: Sequence[PolledBook]) -> None:
        """Take an answer of `/books`."""
        self._owed = {book.symbol: book.seq for book in self.rows if book.seq is not None}
        self.rows, self.failure = books, None
        self._polled = {book.symbol: book for book in books}

    def take_failure(self, why: str) -> None:
        """Take that there is none."""
        self.failure = why

    def live(self, symbol: str) -> LiveBook | None:
        """Return the book that a stream brings, None before its first event."""
        return self._live.get(symbol)

    def verdict(self, symbol: str) -> Verdict:
        """Return whether a followed book may be shown as right."""
        return judge(
            self._live.get(symbol),
            self._polled.get(symbol),
            self._owed.get(symbol),
            self.failure,
            self._clock(),
        )

    def shown(self, book: PolledBook) -> PolledBook:
        """Return a row of `/books` as it may be shown, with the verdict that its ladder has."""
        if self.failure is None and book.symbol not in self._live:
            return book
        verdict = self.verdict(book.symbol)
        return msgspec.structs.replace(book, status=verdict.status, reason=verdict.why)

    def age(self, symbol: str) -> float | None:
        """Return the seconds since a book was last known to match Kraken."""
        polled = self._polled.get(symbol)
        return None if polled is None else polled.age(self._clock())

    def source(self, symbol: str) -> str | None:
        """Return the source of a book: `kraken`, or `simulated`."""
        known = (self._live.get(symbol), self._polled.get(symbol))
        return next((book.source for book in known if book and book.source), None)

    @property
    def is_simulated(self) -> bool:
        """Whether any book is no market's."""
        return any(book.source == "simulated" for book in self.rows)

    @property
    def live_count(self) -> int:
        """Return how many books are live, as far as `/books` and the streams say."""
        return sum(self.shown(book).status == "live" for book in self.rows)
