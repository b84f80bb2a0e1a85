"""All connections, and which symbol is on which."""

from __future__ import annotations

from collections.abc import Mapping

from collector.books import SymbolBook
from collector.kraken.connection import Connection
from collector.stamp import Stamp


class Feed:
    """As many connections to `url` as `books` need at `per_connection` symbols each."""

    def __init__(
        self, url: str, books: Mapping[str, SymbolBook], depth: int, per_connection: int
    ) -> None:
        symbols = list(books)
        self.connections: list[Connection] = []
        self._by_symbol: dict[str, Connection] = {}
        for number, first in enumerate(range(0, len(symbols), per_connection), start=1):
            carried = symbols[first : first + per_connection]
            connection = Connection(str(number), url, {s: books[s] for s in carried}, depth)
            self.connections.append(connection)
            self._by_symbol.update(dict.fromkeys(carried, connection))

    def read(self, symbol: str) -> Stamp | None:
        """When the newest frame of the symbol's connection was read; None where it is down."""
        return self._by_symbol[symbol].read
