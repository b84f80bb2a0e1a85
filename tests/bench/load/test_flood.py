"""The rounds of a flood continue one another."""

from __future__ import annotations

import json
from collections import Counter

from bench.load.flood import Flood, symbols_of
from lab.naive_book import NaiveBook


def test_every_frame_of_three_rounds_verifies_and_the_counts_are_right() -> None:
    flood = Flood(symbols_of(3), 2000)
    feed = flood.serving("", "").v2
    books = {symbol: NaiveBook(10) for symbol in flood.books}
    for symbol, book in books.items():
        apply(book, next(flood.frames(symbol)))

    counts: Counter[str] = Counter()
    for symbol, frame in flood.v2(3):
        apply(books[symbol], frame)
        counts[symbol] += 1

    assert dict(counts) == feed.sent(3)
    assert sum(counts.values()) > 3 * len(flood.updates)
    assert {symbol: book.checksum for symbol, book in books.items()} == flood.books


def apply(book: NaiveBook, frame: bytes) -> None:
    """Apply a frame, and check the book by its checksum."""
    text = frame[frame.index(b'{"') :]
    (entry,) = json.loads(text, parse_float=str, parse_int=str)["data"]
    bids, asks = (
        [(level["price"], level["qty"]) for level in entry[side]] for side in ("bids", "asks")
    )
    book.frame(bids, asks)
    assert book.checksum == int(entry["checksum"])
