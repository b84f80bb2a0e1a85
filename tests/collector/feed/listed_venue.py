"""A venue without network, for tests that write its list of pairs."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, NamedTuple

from collector.feed.books import SymbolBook
from collector.feed.link import Link
from collector.feed.venue import ConnectionState, InstrumentsListener
from kraken_book.precision import Precision


class Listed(NamedTuple):
    """A pair of the venue's list."""

    symbol: str
    precision: Precision | None = Precision(1, 8)
    status: str | None = "online"
    is_traded: bool = True


class IdleConnection:
    """A connection that carries books and receives no frames."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.link = Link()
        self.state = ConnectionState.BACKING_OFF
        self.books: dict[str, SymbolBook] = {}

    def add(self, book: SymbolBook) -> None:
        self.books[book.symbol] = book

    def remove(self, symbol: str) -> None:
        del self.books[symbol]

    def describe(self) -> dict[str, object]:
        return {"name": self.name, "state": self.state.value}

    async def run(self) -> None:
        raise AssertionError("tests do not run this connection")


class ListedVenue:
    """A `collector.feed.venue.Venue` of idle connections."""

    def __init__(self, symbols_per_connection: int = 100) -> None:
        self.name, self.proof = "kraken", "checksum"
        self.source = "simulated"
        self.depth = 10
        self.symbols_per_connection = symbols_per_connection
        self.lists_on_connections = True

    def open_connection(self, name: str, on_instruments: InstrumentsListener) -> IdleConnection:  # noqa: ARG002
        return IdleConnection(name)

    def work(self, on_instruments: InstrumentsListener) -> Sequence[Coroutine[Any, Any, None]]:  # noqa: ARG002
        return ()
