"""The events in book files, read with pyarrow alone.

This module is an independent witness: of the product it knows only the names of the columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

Levels = tuple[tuple[int, int], ...]
"""Prices in ticks and quantities in lots, in the order of the event."""

BOOKS = ("snapshot", "update")
_COLUMNS = [
    *("kind", "epoch", "seq", "exchange_time", "received_at", "checksum", "reason", "conflated"),
    *("side", "price_ticks", "qty_lots", "qty_text", "last", "verified"),
]


class Content(NamedTuple):
    """What an event says of the book: equal for all readers of the event."""

    kind: str
    checksum: int | None
    bids: Levels
    asks: Levels

    def leads_to_same_book(self, other: Content) -> bool:
        """Return whether another event of the same position leads to the same book.

        After a Redis that lost its data, the snapshot that the collector writes may have the
        position of an update that readers already have.
        """
        is_snapshot = "snapshot" in (self.kind, other.kind)
        return self == other or (is_snapshot and self.checksum == other.checksum)


class FileEvent(NamedTuple):
    """An event of a book file; a `lagged` and a rejected event have neither epoch nor seq."""

    epoch: int | None
    seq: int | None
    conflated: int
    content: Content
    exchange_time: object
    received_at: object

    @property
    def position(self) -> tuple[int, int] | None:
        """The epoch and seq, or None."""
        if self.epoch is None or self.seq is None:
            return None
        return self.epoch, self.seq


def units(text: str) -> int:
    """Return a decimal text as an integer of its last decimal."""
    return int(text.replace(".", ""))


def events_in(folder: Path) -> dict[str, list[FileEvent]]:
    """Return the events of each book in a recording, in order.

    The snapshots that only continue an earlier file are left out.
    """
    found: dict[str, list[FileEvent]] = defaultdict(list)
    # The names of files begin with the time of their first event.
    for path in sorted(folder.rglob("*.parquet"), key=lambda path: path.name):
        symbol = pq.read_metadata(path).metadata[b"kraken_book.symbol"].decode()
        found[symbol] += _events_of(path)
    return dict(found)


def _events_of(path: Path) -> Iterator[FileEvent]:
    with pq.ParquetFile(path) as file:
        levels: dict[str, list[tuple[int, int]]] = {"bid": [], "ask": []}
        for batch in file.iter_batches(columns=_COLUMNS):
            for row in batch.to_pylist():
                if row["side"] is not None:
                    lots = row["qty_lots"]
                    lots = units(row["qty_text"]) if lots is None else lots
                    levels[row["side"]].append((row["price_ticks"], lots))
                if row["last"]:
                    if row["reason"] != "continued":
                        yield _event_of(row, tuple(levels["bid"]), tuple(levels["ask"]))
                    levels = {"bid": [], "ask": []}


def _event_of(row: dict[str, Any], bids: Levels, asks: Levels) -> FileEvent:
    content = Content(row["kind"], row["checksum"], bids, asks)
    times = row["exchange_time"], row["received_at"]
    is_rejected = content.kind in BOOKS and not row["verified"]
    epoch, seq = (None, None) if is_rejected else (row["epoch"], row["seq"])
    return FileEvent(epoch, seq, row["conflated"] or 0, content, *times)
