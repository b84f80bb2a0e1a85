"""Kraken's level-2 books: the book and its checksum, its events, how both lie in Redis, a client.

In the order that data flows: `precision` makes exact integers of price and quantity texts, `level`
holds one price's texts ready, `book` applies and verifies, `event` renders what changed at which
`position`, `contract` says where and in what form it is kept. `verified_book` rebuilds a book from
events, `client` does so from an api, `terminal` shows it; only the last two do I/O. `errors` has
the errors that callers can meet. `command_line` is the program `kraken-book`, whose subcommands are
in `commands`; `printable`, `words` and `programs` are for all that people read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kraken_book.book import Book
from kraken_book.errors import (
    BookError,
    BookInvalid,
    ChecksumMismatch,
    CrossedBook,
    KrakenBookError,
    LevelError,
    MissingExtra,
    Refused,
    UnknownSymbol,
    Unreachable,
    Unusable,
)
from kraken_book.level import Level
from kraken_book.precision import Precision

if TYPE_CHECKING:
    from kraken_book.client import Counts, LiveBook, Watch, list_symbols, watch

__version__ = "0.2.0"

__all__ = [
    "Book",
    "BookError",
    "BookInvalid",
    "ChecksumMismatch",
    "Counts",
    "CrossedBook",
    "KrakenBookError",
    "Level",
    "LevelError",
    "LiveBook",
    "MissingExtra",
    "Precision",
    "Refused",
    "UnknownSymbol",
    "Unreachable",
    "Unusable",
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
