"""What the feed needs of a venue: connections that carry books and tell what is listed.

A venue's package implements these protocols; nothing here knows which venues there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Protocol

from collector.feed.books import SymbolBook
from collector.feed.link import Link
from kraken_book.precision import Precision


class Instrument(Protocol):
    """A pair as the venue lists it."""

    @property
    def symbol(self) -> str:
        """The name of the book."""

    @property
    def precision(self) -> Precision | None:
        """Decimals of prices and quantities; None if they are missing or make no sense."""

    @property
    def status(self) -> str | None:
        """The venue's own word for its status."""

    @property
    def is_traded(self) -> bool:
        """Whether it has a book, or may have one again in a moment."""


InstrumentsListener = Callable[[Sequence[Instrument], bool], bool]
"""Called with instruments, and whether they are all that are listed.

It returns whether it believes the list; if not, the connection asks for it again after a while.
"""


class ConnectionState(Enum):
    """State of a connection to a venue."""

    BACKING_OFF = "backing off"
    CONNECTING = "connecting"
    SUBSCRIBING = "subscribing"
    LIVE = "live"


class VenueConnection(Protocol):
    """A connection that carries books, and connects again whenever it is lost.

    `link` is what the readers of its books know of it.
    """

    link: Link
    state: ConnectionState

    @property
    def books(self) -> Mapping[str, SymbolBook]:
        """The books that it carries, by symbol."""

    def add(self, book: SymbolBook) -> None:
        """Carry this book too."""

    def remove(self, symbol: str) -> None:
        """Stop carrying this book."""

    def describe(self) -> dict[str, object]:
        """Return the connection's report for `kraken:feed` and /healthz."""

    async def run(self) -> None:
        """Stay connected, forever."""


class Venue(Protocol):
    """A venue's settings and connections.

    Connections of one venue share what the venue limits for a whole process, such as the rate of
    connecting.
    """

    @property
    def source(self) -> str:
        """Where its frames come from, such as `kraken` or `simulated`."""

    @property
    def depth(self) -> int:
        """Levels of each side that are followed."""

    @property
    def symbols_per_connection(self) -> int:
        """How many books one connection carries at most."""

    def open_connection(self, name: str, on_instruments: InstrumentsListener) -> VenueConnection:
        """Return a new connection, to be run by the caller; `name` is for people."""
