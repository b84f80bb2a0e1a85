"""Recorded frames of Kraken: every checksum verifies."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kraken_book.book import Book
from kraken_book.errors import BookError
from kraken_book.precision import Precision
from lab.naive_book import NaiveBook, TextLevel, side_json
from lab.recordings import FindRecording


def recorded_books(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return (type, entry) of each book frame, with the decimals as texts."""
    frames = [json.loads(line, parse_float=str) for line in path.read_text().splitlines()]
    return [
        (frame["type"], entry)
        for frame in frames
        if frame.get("channel") == "book"
        for entry in frame["data"]
    ]


def pairs(levels: list[dict[str, str]]) -> list[TextLevel]:
    return [(level["price"], level["qty"]) for level in levels]


@pytest.mark.parametrize(
    ("name", "depth", "counts"),
    [
        ("kraken-btcusd-depth10.jsonl", 10, {"snapshot": 5, "update": 296}),
        ("kraken-btcusd-depth25.jsonl", 25, {"snapshot": 1, "update": 2051}),
    ],
)
def test_every_recorded_frame_verifies(
    recorded: FindRecording, name: str, depth: int, counts: dict[str, int]
) -> None:
    book, naive = Book("BTC/USD", depth, Precision(1, 8)), NaiveBook(depth)
    verified: Counter[str] = Counter()
    for kind, entry in recorded_books(recorded(name)):
        bids, asks = pairs(entry["bids"]), pairs(entry["asks"])
        if kind == "snapshot":
            book.replace(book.levels(bids), book.levels(asks))
            naive.snapshot(bids, asks)
        else:
            book.update(book.levels(bids), book.levels(asks))
            naive.frame(bids, asks)
        book.verify(entry["checksum"])
        assert book.bids.json == side_json(naive.bids)
        assert book.asks.json == side_json(naive.asks)
        verified[kind] += 1
    assert verified == counts


def test_lost_frame_changes_the_checksum(recorded: FindRecording) -> None:
    book = Book("BTC/USD", 25, Precision(1, 8))
    frames = recorded_books(recorded("kraken-btcusd-depth25.jsonl"))
    # Remove a frame that changes the best ten levels, which the checksum covers.
    checksums = [entry["checksum"] for _, entry in frames]
    del frames[next(n for n in range(100, 2000) if checksums[n] != checksums[n - 1])]
    doubts = 0
    for kind, entry in frames:
        bids, asks = book.levels(pairs(entry["bids"])), book.levels(pairs(entry["asks"]))
        (book.replace if kind == "snapshot" else book.update)(bids, asks)
        try:
            book.verify(entry["checksum"])
        except BookError:
            doubts += 1
    assert doubts
