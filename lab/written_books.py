"""Small events and books in the collector's form, which contain their seq as a quantity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kraken_book.book import Book
from kraken_book.book_snapshot import BookSnapshot, snapshot_of
from kraken_book.contract.book_hash import book_values, status_values
from kraken_book.contract.write import (
    EventEntry,
    Retention,
    WriteCall,
    renew_book,
    write_events,
)
from kraken_book.event import (
    Kind,
    Status,
    StatusChange,
    render_snapshot,
    render_status,
    render_update,
)
from kraken_book.precision import Precision
from kraken_book.timestamps import rfc3339

SYMBOL = "BTC/USD"
PRECISION = Precision(1, 8)
KEPT = Retention(300_000, 20_000)
# Far from now, so that a test cannot mistake it for Redis's time.
CONFIRMED_AT = "2026-08-02T03:35:51.660084Z"
MOMENT = 1_785_641_751_660_084_000


def book_at(seq: int, symbol: str = SYMBOL, depth: int = 10) -> Book:
    """Return a book with a quantity of `seq` lots at the best bid."""
    book = Book(symbol, depth, PRECISION)
    book.replace(
        book.levels([("100.0", f"{seq / 10**8:.8f}"), ("99.0", "1.00000000")]),
        book.levels([("101.0", "2.00000000"), ("102.5", "3.00000000")]),
    )
    return book


def book_snapshot_at(seq: int, symbol: str = SYMBOL, source: str = "simulated") -> BookSnapshot:
    """Return the snapshot of `book_at(seq)` that a collector publishes."""
    book = book_at(seq, symbol)
    return snapshot_of(book, source, book.checksum(), CONFIRMED_AT, "checksum")


class Event(NamedTuple):
    """The kind and seq of an event, and the status of a status event."""

    kind: Kind
    seq: int
    status: Status = "live"

    def entry(self, epoch: int, symbol: str = SYMBOL) -> EventEntry:
        """Return the event as a collector renders it."""
        return EventEntry(self.kind, self.seq, self._render(epoch, symbol))

    def _render(self, epoch: int, symbol: str) -> bytes:
        time = rfc3339(MOMENT)
        if self.kind == "snapshot":
            return render_snapshot(book_snapshot_at(self.seq, symbol), self.seq, epoch, time, None)
        if self.kind == "status":
            return render_status(StatusChange(symbol, self.seq, epoch, self.status, None, time))
        book = book_at(self.seq, symbol)
        bids = book.levels([("100.0", f"{self.seq / 10**8:.8f}")])
        return render_update(book, self.seq, epoch, bids, [], book.checksum(), None, time)


def update(seq: int) -> Event:
    """Return an update."""
    return Event("update", seq)


def updates(first: int, last: int) -> list[Event]:
    """Return the updates from `first` to `last`."""
    return [update(seq) for seq in range(first, last + 1)]


def snapshot(seq: int) -> Event:
    """Return a snapshot."""
    return Event("snapshot", seq)


def status(seq: int, status: Status = "syncing") -> Event:
    """Return a status event."""
    return Event("status", seq, status)


def book_call(
    epoch: int,
    events: Sequence[Event],
    *,
    symbol: str = SYMBOL,
    confirmed_at: str = CONFIRMED_AT,
    kept: Retention = KEPT,
) -> WriteCall:
    """Return the call that writes `events` and the book of the last one."""
    values = book_values(book_snapshot_at(events[-1].seq, symbol), "live")
    entries = [event.entry(epoch, symbol) for event in events]
    return write_events(symbol, epoch, confirmed_at, kept, entries, values, is_book=True)


def status_call(
    epoch: int,
    events: Sequence[Event],
    *,
    symbol: str = SYMBOL,
    source: str = "simulated",
    depth: int = 10,
    kept: Retention = KEPT,
) -> WriteCall:
    """Return the call that writes `events` of a symbol without a book."""
    values = status_values(symbol, "syncing", source, depth, "checksum")
    entries = [event.entry(epoch, symbol) for event in events]
    return write_events(symbol, epoch, CONFIRMED_AT, kept, entries, values, is_book=False)


def renewal(epoch: int, seq: int, *, confirmed_at: str = CONFIRMED_AT) -> WriteCall:
    """Return the call that writes the book of `seq`, the events of which are already written."""
    values = book_values(book_snapshot_at(seq), "live")
    return renew_book(SYMBOL, epoch, confirmed_at, KEPT, seq, values)
