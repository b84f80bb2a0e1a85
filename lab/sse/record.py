"""The record of one book of the Python client: an account of its events, and its statuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from kraken_book import LiveBook
from kraken_book.client.session import ENDED
from kraken_book.event import StatusChange
from kraken_book.level import Level
from lab.ladder import require
from lab.sse.account import Account

LIVE = "live"


class Word(NamedTuple):
    """The book's status since `at` (time.monotonic): `live`, or the status and its reason."""

    at: float
    text: str


class Record:
    """A record that compares the client's book with a ladder after each event.

    The api must not make the client doubt a book, and must not repeat an event on a stream of one
    book.

    Args:
        symbol: The book's symbol.
        may_repeat: Whether the stream may repeat events, because it has many books.
        clock: The clock of `words` and `longest_wait`, in seconds.

    Attributes:
        account: The account of the book's events.
        words: The changes of the book's status.

    """

    def __init__(
        self, symbol: str, *, may_repeat: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.account = Account(symbol)
        self.words: list[Word] = []
        self._may_repeat = may_repeat
        self._clock = clock
        self._last_event_at = clock()
        self._longest_wait = 0.0

    @property
    def is_live(self) -> bool:
        """Whether the book's last status is `live`."""
        return bool(self.words) and self.words[-1].text == LIVE

    def longest_wait(self) -> float:
        """Return the longest time without a numbered event since the last call, in seconds."""
        now = self._clock()
        longest = max(self._longest_wait, now - self._last_event_at)
        self._longest_wait, self._last_event_at = 0.0, now
        return longest

    def take(self, book: LiveBook, outage: str | None) -> None:
        """Record the client's book after an event; fail if it differs from the ladder's.

        Args:
            book: The client's book.
            outage: The reason why the client is disconnected; None if it is connected.

        """
        event: dict[str, Any] = msgspec.to_builtins(book.event)
        require(book.counts.doubts == 0, f"the client doubts its book: {book}", event)
        require(self._may_repeat or not book.counts.repeated, "a repeated event", event)
        self.account.take(event)
        if book.is_live:
            self._compare(book, event)
        now = self._clock()
        self._add_word(book, now)
        if outage is not None:
            self.account.tally.interruptions += 1
            self.account.tally.cuts += outage != ENDED
        if event.get("seq") is not None:
            self._longest_wait = max(self._longest_wait, now - self._last_event_at)
            self._last_event_at = now

    def _compare(self, book: LiveBook, event: dict[str, Any]) -> None:
        ladder = self.account.ladder
        require(_rows(book.bids) == ladder.bids, f"the client's bids are wrong: {book}", event)
        require(_rows(book.asks) == ladder.asks, f"the client's asks are wrong: {book}", event)

    def _add_word(self, book: LiveBook, now: float) -> None:
        text = _word(book)
        if not self.words or self.words[-1].text != text:
            self.words.append(Word(now, text))


def _word(book: LiveBook) -> str:
    """Return the status of a status event that is not `live`, otherwise the client's status."""
    event = book.event
    if isinstance(event, StatusChange) and event.status != LIVE:
        return _text(event.status, event.reason)
    return _text(book.status, book.reason)


def _text(status: str, reason: str | None) -> str:
    return f"{status}: {reason}" if reason else status


def _rows(levels: list[Level]) -> list[list[str]]:
    return [[level.price, level.qty] for level in levels]
