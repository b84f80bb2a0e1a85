"""An immutable copy of a verified book: the source of snapshot events, hashes and `/depth`."""

from __future__ import annotations

import msgspec

from kraken_book.book import AnySide, Book
from kraken_book.level import Best
from kraken_book.precision import Precision

__all__ = ["BookSnapshot", "best_of", "snapshot_of"]


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """A verified book at one moment.

    `bids` and `asks` are JSON arrays of `["price","qty"]` with every level, best first.
    `exchange_time` is RFC 3339, None if the venue sent none. `proof` says how the collector proved
    that the book is the venue's: `checksum`, `sequence` or `sequence+checksum`; None if unknown.
    """

    symbol: str
    source: str
    depth: int
    precision: Precision
    best_bid: Best | None
    best_ask: Best | None
    spread: str | None
    bids: str
    asks: str
    checksum: int
    exchange_time: str | None
    proof: str | None = None


def snapshot_of(
    book: Book,
    source: str,
    checksum: int,
    exchange_time: str | None,
    proof: str | None = None,
) -> BookSnapshot:
    """Return a snapshot of `book`, which `checksum` has just verified."""
    return BookSnapshot(
        book.symbol,
        source,
        book.depth,
        book.precision,
        best_of(book.bids),
        best_of(book.asks),
        book.spread,
        book.bids.json,
        book.asks.json,
        checksum,
        exchange_time,
        proof,
    )


def best_of(side: AnySide) -> Best | None:
    """Return the best level of `side`, None if the side is empty."""
    level = side.best
    return Best(level.price, level.qty) if level is not None else None
