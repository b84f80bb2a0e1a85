"""Events and book files for the tests of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from kraken_book.book import Book
from kraken_book.event import Snapshot, Update
from kraken_book.precision import Precision
from kraken_book.recording.book_writer import BookForm, BookWriter
from kraken_book.recording.manifest import ManifestLine, append_lines
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.rows import RowBuffer

PRECISION = Precision(1, 8)
START = 1_795_795_200_000_000


def events_of(
    symbol: str, first_seq: int = 1, start: int = START, updates: int = 3
) -> list[RecordedEvent]:
    """Return a snapshot of the api and updates, as a recorder gets them."""
    book = Book(symbol, 10, PRECISION)
    events: list[RecordedEvent] = []
    for number in range(updates + 1):
        bids = [(f"{100 + number}.0", "1.00000000")]
        asks = [("200.0", f"{number + 1}.50000000")]
        book.update(book.levels(bids), book.levels(asks))
        common: dict[str, Any] = {
            "symbol": symbol, "seq": first_seq + number, "epoch": 7,
            "best_bid": None, "best_ask": None, "spread": None, "bids": bids, "asks": asks,
            "checksum": book.checksum(), "exchange_time": "2026-11-27T18:00:00.000001Z",
            "received_at": "2026-11-27T18:00:00.000002Z" if number else None,
        }  # fmt: skip
        event: Snapshot | Update
        if number:
            event = Update(**common)
        else:
            event = Snapshot(
                **common, depth=10, price_precision=1, qty_precision=8, source="kraken",
                conflated=None,
            )  # fmt: skip
        at = start + number * 1000
        events.append(RecordedEvent(event=event, recorded_at=at, is_verified=True))
    return events


def write_file(root: Path, events: list[RecordedEvent]) -> ManifestLine:
    """Write a book file and its line in the manifest."""
    buffer = RowBuffer()
    for event in events:
        buffer.add(event, PRECISION)
    batch = buffer.take()
    form = BookForm(events[0].symbol, "kraken", 10, *PRECISION)
    writer = BookWriter(root, form, batch, "1-1")
    writer.write(pa.Table.from_batches([batch]))
    line = writer.finish("2-4")
    append_lines(root, [line])
    return line
