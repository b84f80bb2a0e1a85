"""The changes of a book's window, with the levels that left it without a message.

An update of Kraken pushes the worst levels out of the window, and no message deletes them: a reader
keeps the best `depth` levels. Programs of other formats do not, so they need the deletions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from kraken_book.errors import BookInvalid
from kraken_book.event import Lagged, Snapshot, Update
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.timestamps import parse_rfc3339
from kraken_book.verified_book import VerifiedBook

__all__ = ["Change", "Window", "WindowStep"]

WindowSide = Literal["bid", "ask"]
_BID: WindowSide = "bid"
_ASK: WindowSide = "ask"


class Change(NamedTuple):
    """A level that was set, or deleted if the quantity is zero; texts are exact."""

    side: WindowSide
    price: str
    qty: str


class WindowStep(NamedTuple):
    """The changes of one event.

    Attributes:
        exchange_time: The venue's time in Unix microseconds; it never goes back.
        local_time: When the collector received it, in Unix microseconds; it never goes back.
        deleted: Levels to delete first; a snapshot does not have them.
        changes: The other changes; of a snapshot all levels.
        is_snapshot: Whether the changes are the whole book.
    """

    exchange_time: int
    local_time: int
    deleted: list[Change]
    changes: list[Change]
    is_snapshot: bool


class Window:
    """One book, rebuilt from its events, and what a reader of the steps has.

    Args:
        symbol: The symbol.
    """

    def __init__(self, symbol: str) -> None:
        self._book = VerifiedBook(symbol)
        # The levels by price that a reader of the steps has.
        self._shown: dict[WindowSide, dict[str, str]] = {_BID: {}, _ASK: {}}
        self._exchange_time = self._local_time = 0

    @property
    def book(self) -> VerifiedBook:
        """The book."""
        return self._book

    def apply(self, recorded: RecordedEvent) -> WindowStep | None:
        """Apply the next event; return its changes, or None if it changes no level.

        An event that does not lead to a verified book has no changes; the next snapshot has them.

        Args:
            recorded: The event.

        Returns:
            The changes, in the order in which they should be applied.
        """
        event = recorded.event
        if isinstance(event, Snapshot) and event.received_at is None:
            self._book.begin()
        if recorded.position is None and not isinstance(event, Lagged):
            return None
        try:
            self._book.apply(event)
        except BookInvalid:
            return None
        if not isinstance(event, Update | Snapshot) or self._book.book is None:
            return None
        self._set_times(event, recorded.recorded_at)
        return self.snapshot() if isinstance(event, Snapshot) else self._update(event)

    def snapshot(self) -> WindowStep | None:
        """Return all levels as a snapshot; None if there is no verified book."""
        book = self._book.book
        if book is None:
            return None
        deleted: list[Change] = []
        changes: list[Change] = []
        for side, levels in ((_BID, book.bids), (_ASK, book.asks)):
            now = {level.price: level.qty for level in levels}
            deleted += _deletions(side, self._shown[side].keys() - now.keys(), self._zero)
            changes += [Change(side, price, qty) for price, qty in now.items()]
            self._shown[side] = now
        return WindowStep(self._exchange_time, self._local_time, deleted, changes, is_snapshot=True)

    def at(self, time: int) -> None:
        """Move both times forward, to the beginning of a day."""
        self._exchange_time = max(self._exchange_time, time)
        self._local_time = max(self._local_time, time)

    @property
    def _zero(self) -> str:
        book = self._book.book
        decimals = book.precision.qty if book is not None else 0
        return f"0.{'0' * decimals}" if decimals else "0"

    def _update(self, event: Update) -> WindowStep:
        deleted: list[Change] = []
        changes: list[Change] = []
        book = self._book.book
        assert book is not None
        for side, levels, pairs in (
            (_BID, book.bids, event.bids),
            (_ASK, book.asks, event.asks),
        ):
            if not pairs:
                continue
            now = {level.price: level.qty for level in levels}
            shown = self._shown[side]
            deleted += _deletions(side, shown.keys() - now.keys(), self._zero)
            changes += [
                Change(side, price, qty) for price, qty in now.items() if shown.get(price) != qty
            ]
            self._shown[side] = now
        return WindowStep(
            self._exchange_time, self._local_time, deleted, changes, is_snapshot=False
        )

    def _set_times(self, event: Update | Snapshot, recorded_at: int) -> None:
        exchange = _microseconds(event.exchange_time)
        # A snapshot of the api has the time of the last change before it.
        local = _microseconds(event.received_at) or exchange or recorded_at
        self._local_time = max(self._local_time, local)
        self._exchange_time = max(self._exchange_time, exchange or local)


def _deletions(side: WindowSide, prices: Iterable[str], zero: str) -> list[Change]:
    return [Change(side, price, zero) for price in sorted(prices)]


def _microseconds(text: str | None) -> int | None:
    return parse_rfc3339(text) // 1000 if text else None
