"""The protocols that a venue's package implements.

A venue offers connections, which carry books and report the listed pairs. Nothing here knows the
existing venues.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

from collector.feed.books import SymbolBook
from collector.feed.link import Link
from kraken_book.precision import Precision


class Instrument(Protocol):
    """A pair of the venue's list."""

    @property
    def symbol(self) -> str:
        """The symbol of the pair's book."""

    @property
    def precision(self) -> Precision | None:
        """Decimals of prices and quantities; None if they are missing or invalid."""

    @property
    def status(self) -> str | None:
        """The venue's word for the status of the pair."""

    @property
    def is_traded(self) -> bool:
        """Whether the pair has a book, or may have one again soon."""


InstrumentsListener = Callable[[Sequence[Instrument], bool], bool]
"""Called with pairs, and whether they are the venue's whole list.

It returns whether it accepts the list; if not, the connection requests the list again later.
"""


class ConnectionState(Enum):
    """State of a connection to a venue."""

    BACKING_OFF = "backing off"
    CONNECTING = "connecting"
    SUBSCRIBING = "subscribing"
    LIVE = "live"


class VenueConnection(Protocol):
    """A connection that carries books, and connects again whenever it is lost.

    Attributes:
        link: State of the connection, for readers of its books.
        state: State of the connection, for reports.
    """

    link: Link
    state: ConnectionState

    @property
    def books(self) -> Mapping[str, SymbolBook]:
        """The books of the connection, by symbol."""

    def add(self, book: SymbolBook) -> None:
        """Add a book and subscribe to it."""

    def remove(self, symbol: str) -> None:
        """Unsubscribe from a book and remove it."""

    def describe(self) -> dict[str, object]:
        """Return the connection's report for `kraken:feed` and /healthz."""

    async def run(self) -> None:
        """Keep the connection up until the task is cancelled."""


class Venue(Protocol):
    """A venue's settings and connections.

    Connections of one venue share its limits per process, such as the rate of connecting.
    """

    @property
    def name(self) -> str:
        """The venue's name, which its keys in Redis and its symbols begin with."""

    @property
    def proof(self) -> str:
        """How books are proved to be the venue's: `checksum`, `sequence`, `sequence+checksum`."""

    @property
    def source(self) -> str:
        """Origin of the frames: the venue's name, or `simulated`."""

    @property
    def depth(self) -> int:
        """Levels of each side that are followed."""

    @property
    def lists_on_connections(self) -> bool:
        """Whether the pairs come on connections, so that wildcards need one."""

    @property
    def symbols_per_connection(self) -> int:
        """The most books that one connection carries."""

    def open_connection(self, name: str, on_instruments: InstrumentsListener) -> VenueConnection:
        """Return a new connection, which the caller runs.

        Args:
            name: Name of the connection in logs and reports.
            on_instruments: Called when the connection receives pairs.
        """

    def work(self, on_instruments: InstrumentsListener) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what must run beside the connections, each until it is cancelled.

        Args:
            on_instruments: Called with pairs that come without a connection.
        """
