"""Recorded events of Kraken: real ones, and some that are hard for programs that read exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kraken_book.book import Book
from kraken_book.event import Snapshot, Update
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.timestamps import parse_rfc3339, rfc3339
from tests.kraken_book.recording.made import PRECISION, START

FRAMES = Path(__file__).parents[2] / "data" / "kraken-btcusd-depth10.jsonl"
SYMBOL = "BTC/USD"
LATENCY = 20_000


def kraken_events() -> list[RecordedEvent]:
    """Return 5 snapshots and 296 updates; each has another `received_at`, in microseconds."""
    events: list[RecordedEvent] = []
    at = 0
    for line in FRAMES.read_text().splitlines():
        # Numbers stay text.
        frame = json.loads(line, parse_float=str)
        if frame.get("channel") != "book":
            continue
        entry = frame["data"][0]
        at = max(at + 1, parse_rfc3339(entry["timestamp"]) // 1000 + LATENCY)
        events.append(_recorded(entry, frame["type"], len(events) + 1, at))
    return events


def hard_events() -> list[RecordedEvent]:
    """Return events whose snapshots grow, shrink, follow each other, and end the recording."""
    bids, asks = _levels(100, -1, 10), _levels(101, 1, 10)
    frames = [
        ("snapshot", bids[:2], asks[:3]),
        ("update", bids[2:4], []),
        # Longer than the first one.
        ("snapshot", bids, asks),
        ("update", [("100.5", "1.00000000")], [("100.9", "2.00000000")]),
        # The worst levels are gone, which are outside of its range.
        ("snapshot", bids[:3], asks[:2]),
        ("snapshot", bids[1:9], asks[:2]),
        ("snapshot", bids[1:9], asks[:2]),
        ("update", [("100.1", "7.00000000"), ("100.2", "7.00000000")], []),
        ("update", [("100.3", "7.00000000"), ("92.0", "0.00000000")], []),
        ("snapshot", bids, asks[3:]),
    ]
    book = Book(SYMBOL, 10, PRECISION)
    events: list[RecordedEvent] = []
    for seq, (kind, *sides) in enumerate(frames, start=1):
        bids, asks = sides
        (book.replace if kind == "snapshot" else book.update)(book.levels(bids), book.levels(asks))
        at = START + seq * 1_000_000
        entry = {
            "bids": [{"price": price, "qty": qty} for price, qty in bids],
            "asks": [{"price": price, "qty": qty} for price, qty in asks],
            "checksum": book.checksum(), "timestamp": rfc3339((at - LATENCY) * 1000),
        }  # fmt: skip
        events.append(_recorded(entry, kind, seq, at))
    return events


def _levels(best: int, step: int, number: int) -> list[tuple[str, str]]:
    return [(f"{best + step * index}.0", f"{index + 1}.00000000") for index in range(number)]


def _recorded(entry: dict[str, Any], kind: str, seq: int, at: int) -> RecordedEvent:
    common: dict[str, Any] = {
        "symbol": SYMBOL, "seq": seq, "epoch": 3, "best_bid": None, "best_ask": None,
        "spread": None, "checksum": entry["checksum"], "exchange_time": entry["timestamp"],
        "received_at": rfc3339(at * 1000),
        "bids": [(level["price"], level["qty"]) for level in entry["bids"]],
        "asks": [(level["price"], level["qty"]) for level in entry["asks"]],
    }  # fmt: skip
    event: Snapshot | Update
    if kind == "update":
        event = Update(**common)
    else:
        event = Snapshot(
            **common, depth=10, price_precision=1, qty_precision=8, source="kraken", conflated=0
        )
    return RecordedEvent(event=event, recorded_at=at + 100, is_verified=True)


def books_of(events: list[RecordedEvent]) -> list[tuple[int, dict[str, dict[float, float]]]]:
    """Return the book after each event, with its `received_at`.

    A book is a map of prices and quantities for each side.
    """
    book = Book(SYMBOL, 10, PRECISION)
    books: list[tuple[int, dict[str, dict[float, float]]]] = []
    for recorded in events:
        event = recorded.event
        assert isinstance(event, Snapshot | Update)
        apply = book.replace if isinstance(event, Snapshot) else book.update
        apply(book.levels(event.bids), book.levels(event.asks))
        assert event.checksum is not None
        book.verify(event.checksum)
        sides = {
            "bids": {float(price): float(qty) for price, qty in book.bids},
            "asks": {float(price): float(qty) for price, qty in book.asks},
        }
        assert event.received_at is not None
        books.append((parse_rfc3339(event.received_at) // 1000, sides))
    return books
