"""A book that does not change: the copy of a live one, or the answer to one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kraken_book.event import Status
from kraken_book.field_help import with_field_help
from kraken_book.level import Level
from kraken_book.precision import Precision
from kraken_book.readable_book import ReadableBook

__all__ = ["FrozenBook"]


@with_field_help
@dataclass(frozen=True, slots=True, repr=False)
class FrozenBook(ReadableBook):
    """A verified book at one moment, with the status that it had then.

    Attributes:
        symbol: The symbol in the api's spelling.
        status: `live`, `syncing` or `stale`, when the book was read.
        reason: Why it was not live, None if it was or if the reason is unknown.
        source: The venue's name, `simulated` or `replay`; None if there is no book.
        depth: The maximum number of levels of a side, None if there is no book.
        precision: The decimals of prices and quantities, None if there is no book.
        epoch: The epoch of the last event of the book.
        seq: The number of the last event of the book.
        checksum: The checksum with which the levels were verified, None if there is no book.
        exchange_time: When Kraken last changed the book: RFC 3339, UTC.
        bids: The bids, highest first.
        asks: The asks, lowest first.
        event_id: The id with which a stream continues after this book; None if it is unknown.
        age_ms: Milliseconds for which the api had not confirmed the book; None if it is unknown.
        proof: How the collector proved the book against its venue: `checksum`, `sequence` or
            `sequence+checksum`; None if it is unknown.
    """

    # Without `field()`, the properties of the base class would become defaults.
    symbol: str = field()
    status: Status = field()
    reason: str | None = field()
    source: str | None = field()
    depth: int | None = field()
    precision: Precision | None = field()
    epoch: int | None = field()
    seq: int | None = field()
    checksum: int | None = field()
    exchange_time: str | None = field()
    bids: tuple[Level, ...] = field()
    asks: tuple[Level, ...] = field()
    event_id: str | None = None
    age_ms: int | None = None
    proof: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the book with the names and texts of `/depth`, ready for JSON."""
        # Not by `super()`, because `slots=True` replaces the class.
        book = ReadableBook.to_dict(self)
        return book | {"event_id": self.event_id, "age_ms": self.age_ms}
