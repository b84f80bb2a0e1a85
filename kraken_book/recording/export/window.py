"""The changes of a book's window, with the levels that left it without a message.

An update of Kraken pushes the worst levels out of the window, and no message deletes them: a reader
keeps the best `depth` levels. Programs of other formats do not, so they need the deletions.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from kraken_book.book import AnySide
from kraken_book.book_snapshot import best_of, snapshot_of
from kraken_book.errors import BookInvalid
from kraken_book.event import Lagged, Snapshot, Update, snapshot_event
from kraken_book.position import Position
from kraken_book.precision import to_text
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
        position: The event's position.
        exchange_time: The venue's time in Unix microseconds; it never goes back.
        local_time: When the collector received it, in Unix microseconds; it never goes back.
        changes: The levels that differ from those after the last step, deletions first. After the
            first snapshot of all there was no book to differ from, so there are none.
        snapshot: All levels of a snapshot, best first; None if the event is an update.
    """

    position: Position
    exchange_time: int
    local_time: int
    changes: list[Change]
    snapshot: list[Change] | None


class Window:
    """One book, rebuilt from its events, and the levels that a reader of the steps has.

    Args:
        symbol: The symbol.
    """

    def __init__(self, symbol: str) -> None:
        self.book = VerifiedBook(symbol)
        """The book."""
        # The levels by price that a reader of the steps has; None before the first step.
        self._shown: dict[WindowSide, dict[str, str]] | None = None
        self._exchange_time = self._local_time = 0

    def apply(self, recorded: RecordedEvent) -> WindowStep | None:
        """Apply the next event; return its step, or None if it changes no level.

        An event that does not lead to a verified book has no changes; the next snapshot has them.

        Args:
            recorded: The event.

        Returns:
            The changes, in the order in which they should be applied.
        """
        event = recorded.event
        if isinstance(event, Snapshot) and event.received_at is None:
            # The api made it to open a stream, at the present position.
            self.book.begin()
        if recorded.position is None and not isinstance(event, Lagged):
            return None
        try:
            is_new = self.book.apply(event)
        except BookInvalid:
            return None
        if not is_new or not isinstance(event, Update | Snapshot):
            return None
        self._set_times(event, recorded.recorded_at)
        if isinstance(event, Snapshot):
            return self.snapshot()
        return self._step(self._changes_of(event))

    def snapshot(self) -> WindowStep | None:
        """Return all levels as a snapshot; None if there is no verified book."""
        book = self.book.book
        if book is None:
            return None
        now = {_BID: _levels_of(book.bids), _ASK: _levels_of(book.asks)}
        changes = [] if self._shown is None else self._show(now)
        self._shown = now
        snapshot = [Change(side, *level) for side in now for level in now[side].items()]
        return self._step(changes, snapshot)

    def snapshot_event(self) -> RecordedEvent | None:
        """Return the book as an event of now; None if there is no verified book."""
        verified = self.book
        if verified.book is None or verified.position is None:
            return None
        view = snapshot_of(
            verified.book, verified.source, verified.checksum, verified.exchange_time
        )
        event = snapshot_event(view, verified.position)
        return RecordedEvent(event=event, recorded_at=self._local_time, is_verified=True)

    def with_top(self, recorded: RecordedEvent) -> RecordedEvent:
        """Return an event that was just applied, with the best levels and the spread after it."""
        event, book = recorded.event, self.book.book
        if (
            book is None
            or not isinstance(event, Update | Snapshot)
            or recorded.position != self.book.position
        ):
            return recorded
        event = msgspec.structs.replace(
            event, best_bid=best_of(book.bids), best_ask=best_of(book.asks), spread=book.spread
        )
        return msgspec.structs.replace(recorded, event=event)

    def at(self, time: int) -> None:
        """Move both times forward, to the beginning of a file."""
        self._exchange_time = max(self._exchange_time, time)
        self._local_time = max(self._local_time, time)

    def _changes_of(self, event: Update) -> list[Change]:
        """Return the differences of the sides that an update names."""
        book = self.book.book
        assert book is not None
        now: dict[WindowSide, dict[str, str]] = {}
        if event.bids:
            now[_BID] = _levels_of(book.bids)
        if event.asks:
            now[_ASK] = _levels_of(book.asks)
        return self._show(now)

    def _show(self, now: dict[WindowSide, dict[str, str]]) -> list[Change]:
        """Return the differences of some sides, and show these from now on."""
        assert self._shown is not None
        zero = self._zero
        deleted: list[Change] = []
        changed: list[Change] = []
        for side, levels in now.items():
            shown = self._shown[side]
            deleted += [Change(side, price, zero) for price in shown if price not in levels]
            changed += [
                Change(side, price, qty) for price, qty in levels.items() if shown.get(price) != qty
            ]
        self._shown |= now
        # If all deletions come first, the book of a reader is never crossed.
        return deleted + changed

    def _step(self, changes: list[Change], snapshot: list[Change] | None = None) -> WindowStep:
        position = self.book.position
        assert position is not None
        return WindowStep(position, self._exchange_time, self._local_time, changes, snapshot)

    @property
    def _zero(self) -> str:
        book = self.book.book
        assert book is not None
        return to_text(0, book.precision.qty)

    def _set_times(self, event: Update | Snapshot, recorded_at: int) -> None:
        exchange = _microseconds(event.exchange_time)
        # A snapshot of the api has the time of the last change before it.
        local = _microseconds(event.received_at) or exchange or recorded_at
        self._local_time = max(self._local_time, local)
        self._exchange_time = max(self._exchange_time, exchange or local)


def _levels_of(side: AnySide) -> dict[str, str]:
    return {level.price: level.qty for level in side}


def _microseconds(text: str | None) -> int | None:
    return parse_rfc3339(text) // 1000 if text else None
