"""Kraken as the feed sees it: a `collector.feed.venue.Venue`."""

from __future__ import annotations

from collections.abc import Mapping

from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.lag import LagMemory
from collector.feed.venue import InstrumentsListener
from collector.venues.kraken.connection import KrakenConnection
from collector.venues.kraken.session import KrakenSession

CONNECTS_SECONDS = 600.0
# Of all symbols of a process: a feed that is wrong everywhere must not become a storm of requests.
RESYNCS_PER_10_S = 50


class KrakenVenue:
    """Kraken's WebSocket v2, or a stand-in of it, at `url`.

    Args:
        url: Address of the websocket.
        source: Where its frames come from, `kraken` or `simulated`.
        depth: Levels of each side that are subscribed to.
        symbols_per_connection: How many books one connection carries at most.
        connects_per_10_min: How often all connections together may connect.
        quiet_resync: Seconds without an update after which a book is subscribed to again.
    """

    def __init__(
        self,
        url: str,
        source: str,
        depth: int,
        symbols_per_connection: int,
        connects_per_10_min: int,
        quiet_resync: float,
    ) -> None:
        self.source = source
        self.depth = depth
        self.symbols_per_connection = symbols_per_connection
        self._url = url
        self._quiet_resync = quiet_resync
        self._connects = SharedBudget(connects_per_10_min, CONNECTS_SECONDS)
        self._resyncs = SharedBudget(RESYNCS_PER_10_S, 10.0)

    def open_connection(self, name: str, on_instruments: InstrumentsListener) -> KrakenConnection:
        """Return a new connection, to be run by the caller; `name` is for people."""
        # What a connection uses up, or sees of Kraken's clock, is its own.
        resyncs, lag_memory = self._resyncs.join(), LagMemory()

        def open_session(books: Mapping[str, SymbolBook]) -> KrakenSession:
            return KrakenSession(
                books, self.depth, self._quiet_resync, resyncs, lag_memory, on_instruments
            )

        return KrakenConnection(name, self._url, self._connects.join(), open_session)
