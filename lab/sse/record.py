"""The record of one book at a reader: the account of its events, and its status over time."""

from __future__ import annotations

import time
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
    """The book's status from `at` on (time.monotonic): `live`, or the status and its reason."""

    at: float
    text: str


class Record:
    """Takes the client's book after each event, and compares it with a ladder.

    `words` are the changes of its status. The client never doubts a book of an api that keeps its
    promises, and such an api repeats nothing on a stream of one book.
    """

    def __init__(self, symbol: str, *, may_repeat: bool) -> None:
        self.account = Account(symbol)
        self.words: list[Word] = []
        self._may_repeat = may_repeat
        self._last_event_at = time.monotonic()
        self._longest_wait = 0.0

    @property
    def is_live(self) -> bool:
        """Whether the book is live, by the last word."""
        return bool(self.words) and self.words[-1].text == LIVE

    def longest_wait(self) -> float:
        """Return the longest time in seconds without a numbered event, since the last call."""
        now = time.monotonic()
        longest = max(self._longest_wait, now - self._last_event_at)
        self._longest_wait, self._last_event_at = 0.0, now
        return longest

    def take(self, book: LiveBook, outage: str | None) -> None:
        """Take the client's book and, if there is no connection, the reason.

        Raises:
            AssertionError: If the book is not what the events lead to.

        """
        event: dict[str, Any] = msgspec.to_builtins(book.event)
        require(book.counts.doubts == 0, f"the client doubts its book: {book}", event)
        require(self._may_repeat or not book.counts.repeated, "an event came twice", event)
        self.account.take(event)
        if book.is_live:
            self._compare(book, event)
        now = time.monotonic()
        self._note_word(book, now)
        if outage is not None:
            self.account.tally.interruptions += 1
            self.account.tally.cuts += outage != ENDED
        if event.get("seq") is not None:
            self._longest_wait = max(self._longest_wait, now - self._last_event_at)
            self._last_event_at = now

    def _compare(self, book: LiveBook, event: dict[str, Any]) -> None:
        ladder = self.account.ladder
        require(_rows(book.bids) == ladder.bids, f"the client's bids are others: {book}", event)
        require(_rows(book.asks) == ladder.asks, f"the client's asks are others: {book}", event)

    def _note_word(self, book: LiveBook, now: float) -> None:
        text = _word(book)
        if not self.words or self.words[-1].text != text:
            self.words.append(Word(now, text))


def _word(book: LiveBook) -> str:
    """Return the status by the last event or, if it has none, by the client."""
    event = book.event
    if isinstance(event, StatusChange) and event.status != LIVE:
        return _text(event.status, event.reason)
    return _text(book.status, book.reason)


def _text(status: str, reason: str | None) -> str:
    return f"{status}: {reason}" if reason else status


def _rows(levels: list[Level]) -> list[list[str]]:
    return [[level.price, level.qty] for level in levels]
