"""Tell which events a recording already has and where some are missing, and repeat its last books.

This module does no I/O and has no state; the recorder uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from kraken_book.client.live_book import LiveBook
from kraken_book.event import Event, Snapshot, StatusChange
from kraken_book.position import Position
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.timestamps import rfc3339

__all__ = [
    "continued",
    "is_gap_before",
    "is_recorded",
    "lost_at",
    "position_of",
    "snapshot_of_live",
]


def continued(snapshot: Snapshot, at: int) -> RecordedEvent:
    """Return the snapshot with which a file repeats the book at the end of the one before.

    Args:
        snapshot: The book.
        at: The time in Unix microseconds.
    """
    return RecordedEvent(event=snapshot, recorded_at=at, is_verified=True, is_continued=True)


def lost_at(symbol: str, position: Position, at: int) -> RecordedEvent:
    """Return a status at the last recorded position of a book whose levels are not known.

    Args:
        symbol: The symbol.
        position: The position.
        at: The time in Unix microseconds.
    """
    epoch, seq = position.epoch, position.seq
    status = StatusChange(symbol, seq, epoch, "syncing", None, rfc3339(at * 1000))
    return RecordedEvent(event=status, recorded_at=at, is_verified=False)


def is_recorded(recorded: RecordedEvent, position: Position, last: Position) -> bool:
    """Return whether the files have an event already.

    If the api opens with a book of an earlier epoch, Redis has lost the later ones, and the book's
    positions begin again.

    Args:
        recorded: The event.
        position: Its position.
        last: The position of the last event that the files have.
    """
    if not _is_of_api(recorded.event):
        return position <= last
    return position < last and position.epoch == last.epoch


def is_gap_before(recorded: RecordedEvent, position: Position, last: Position) -> bool:
    """Return whether events are missing after `last`, and no later event says so.

    A snapshot of the collector is an event of the stream, and says itself what it replaces.

    Args:
        recorded: The event.
        position: Its position.
        last: The position of the last event that the files have.
    """
    if isinstance(recorded.event, Snapshot):
        return _is_of_api(recorded.event) and position != last
    return position.seq != last.seq + 1


def _is_of_api(event: Event) -> bool:
    """Return whether it is a snapshot that the api made to open a stream."""
    return isinstance(event, Snapshot) and event.received_at is None


def position_of(book: LiveBook) -> Position | None:
    """Return the position of a book's last event; None if it has none."""
    epoch, seq = book.epoch, book.seq
    return None if epoch is None or seq is None else Position(epoch, seq)


def snapshot_of_live(book: LiveBook) -> Snapshot | None:
    """Return the present book as a snapshot; None if its levels are not those of its position."""
    position, precision = position_of(book), book.precision
    if not book.is_verified or position is None or precision is None:
        return None
    return Snapshot(
        symbol=book.symbol,
        seq=position.seq,
        epoch=position.epoch,
        best_bid=None,
        best_ask=None,
        spread=None,
        bids=_pairs(book.bids),
        asks=_pairs(book.asks),
        checksum=book.checksum,
        exchange_time=book.exchange_time,
        received_at=None,
        depth=book.depth or 0,
        price_precision=precision.price,
        qty_precision=precision.qty,
        source=book.source or "",
        conflated=None,
    )


def _pairs(levels: Sequence[Iterable[str]]) -> list[tuple[str, str]]:
    return [cast("tuple[str, str]", tuple(level)) for level in levels]
