"""Kraken's level-2 books: the book and its checksum, its events, how both lie in Redis, a client.

In the order that data flows: `precision` makes exact integers of price and quantity texts, `level`
holds one price's texts ready, `book` applies and verifies, `event` renders what changed,
`contract` says where and in what form it is kept, `client` rebuilds it from an api,
`terminal` shows that. Only the last two do I/O. `command_line` is
`python -m kraken_book`; `printable`, `words` and `programs` are for all that people read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kraken_book.book import Book, BookError, ChecksumMismatch, CrossedBook
from kraken_book.level import Level, LevelError
from kraken_book.precision import Precision

if TYPE_CHECKING:
    from kraken_book.client import (
        Counts,
        LiveBook,
        Refused,
        UnknownSymbol,
        Unreachable,
        Watch,
        list_symbols,
        watch,
    )

__all__ = [
    "Book",
    "BookError",
    "ChecksumMismatch",
    "Counts",
    "CrossedBook",
    "Level",
    "LevelError",
    "LiveBook",
    "Precision",
    "Refused",
    "UnknownSymbol",
    "Unreachable",
    "Watch",
    "list_symbols",
    "watch",
]


def __getattr__(name: str) -> Any:
    # The services import this package for its book; only readers wait for an HTTP client to load.
    if name in __all__:
        from kraken_book import client  # noqa: PLC0415

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
