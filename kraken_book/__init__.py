"""Kraken's level-2 books: the book and its checksum, its events, their form in Redis, and a client.

In the order of the data flow: `precision` converts price and quantity texts to exact integers,
`level` is one price of a side, `book` applies frames and verifies the result, `event` renders each
change at its `position`, and `contract` defines the keys and fields in Redis. `verified_book`
rebuilds a book from events, `quote` calculates its figures, `client` gets books from an api, and
`terminal` displays them. Only `client`, `terminal` and the command line do I/O.

`errors` defines the errors that callers can meet. `speedups` loads the compiled hot path, if there
is one. `command_line` is the program `kraken-book`; its subcommands are in `commands`. `printable`,
`words` and `programs` write text for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kraken_book.book import Book
from kraken_book.errors import (
    BookError,
    BookInvalid,
    ChecksumMismatch,
    CrossedBook,
    DamagedRecording,
    Forbidden,
    KrakenBookError,
    LevelError,
    MissingExtra,
    NotLive,
    ProxyFailed,
    Refused,
    ServiceUnavailable,
    TimedOut,
    TlsFailed,
    TooManyRequests,
    UnknownSymbol,
    Unreachable,
    Unusable,
    WrongKey,
    WrongPath,
    WrongServer,
)
from kraken_book.event import Event, Lagged, Snapshot, StatusChange, Update
from kraken_book.level import Level
from kraken_book.precision import Precision
from kraken_book.quote import Quote
from kraken_book.speedups import compiled as _compiled

if TYPE_CHECKING:
    from kraken_book.client import (
        AsyncClient,
        BestPrices,
        Client,
        Counts,
        EventPage,
        FrozenBook,
        LiveBook,
        PastEvent,
        VenueLevel,
        VenuePrices,
        Watch,
        get_best,
        get_book,
        get_books,
        get_events,
        get_symbols,
        iter_events,
        list_symbols,
        replay,
        watch,
    )

__version__ = "0.2.0"

# Whether the hot path of a frame is compiled.
__speedups__ = _compiled is not None

__all__ = [
    "AsyncClient",
    "BestPrices",
    "Book",
    "BookError",
    "BookInvalid",
    "ChecksumMismatch",
    "Client",
    "Counts",
    "CrossedBook",
    "DamagedRecording",
    "Event",
    "EventPage",
    "Forbidden",
    "FrozenBook",
    "KrakenBookError",
    "Lagged",
    "Level",
    "LevelError",
    "LiveBook",
    "MissingExtra",
    "NotLive",
    "PastEvent",
    "Precision",
    "ProxyFailed",
    "Quote",
    "Refused",
    "ServiceUnavailable",
    "Snapshot",
    "StatusChange",
    "TimedOut",
    "TlsFailed",
    "TooManyRequests",
    "UnknownSymbol",
    "Unreachable",
    "Unusable",
    "Update",
    "VenueLevel",
    "VenuePrices",
    "Watch",
    "WrongKey",
    "WrongPath",
    "WrongServer",
    "get_best",
    "get_book",
    "get_books",
    "get_events",
    "get_symbols",
    "iter_events",
    "list_symbols",
    "replay",
    "watch",
]


def __getattr__(name: str) -> Any:
    # The services import this package for its book, and should not load an HTTP client.
    if name in __all__:
        from kraken_book import client  # noqa: PLC0415

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    # Without it, a notebook would not complete the names that are not loaded yet.
    return sorted({*globals(), *__all__})
