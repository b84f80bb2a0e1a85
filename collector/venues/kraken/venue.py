"""Kraken as a venue: an implementation of `collector.feed.venue.Venue`."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.lag import LagMemory
from collector.feed.room import Room
from collector.feed.venue import InstrumentsListener
from collector.tape.recorder import TapeRecorder
from collector.venues.connection import FeedConnection
from collector.venues.kraken.session import KrakenSession
from kraken_book.symbols import KRAKEN

CONNECTS_PERIOD = 600.0
# The limit of all symbols of a process, so that a feed full of faults causes no flood of requests.
RESYNCS_PER_10_S = 50


class KrakenVenue:
    """Kraken's WebSocket v2, or a simulator, at `url`.

    Args:
        url: Address of the websocket.
        source: Origin of the frames, `kraken` or `simulated`.
        depth: Levels of each side that are subscribed to.
        symbols_per_connection: The most books that one connection carries.
        connects_per_10_min: The most connection attempts of all connections in ten minutes.
        quiet_resync: Seconds without an update after which a book is resynced.
        room: The room in the queues of events; by default there always is some.
        tape: Records all that the connections receive and send.
    """

    name = KRAKEN
    proof = "checksum"

    def __init__(
        self,
        url: str,
        source: str,
        depth: int,
        symbols_per_connection: int,
        connects_per_10_min: int,
        quiet_resync: float,
        room: Room | None = None,
        tape: TapeRecorder | None = None,
    ) -> None:
        self.source = source
        self.depth = depth
        self.symbols_per_connection = symbols_per_connection
        self.lists_on_connections = True
        self._url = url
        self._quiet_resync = quiet_resync
        self._room = room or Room()
        self._tape = tape
        self._connects = SharedBudget(connects_per_10_min, CONNECTS_PERIOD)
        self._resyncs = SharedBudget(RESYNCS_PER_10_S, 10.0)

    def open_connection(self, name: str, on_instruments: InstrumentsListener) -> FeedConnection:
        """Return a new connection, which the caller runs.

        Args:
            name: Name of the connection in logs and reports.
            on_instruments: Called when the connection receives pairs.
        """
        # Each connection has its own share of the budgets, and its own distance to Kraken's clock.
        resyncs, lag_memory = self._resyncs.join(), LagMemory()

        def open_session(books: Mapping[str, SymbolBook]) -> KrakenSession:
            return KrakenSession(
                books, self.depth, self._quiet_resync, resyncs, lag_memory, on_instruments
            )

        tape = self._tape.connection(name, self._url) if self._tape else None
        return FeedConnection(
            name, self._url, self._connects.join(), open_session, self._room, tape=tape
        )

    def work(self, on_instruments: InstrumentsListener) -> Sequence[Coroutine[Any, Any, None]]:  # noqa: ARG002 - pairs come on connections
        """Return nothing, because all work is done by connections."""
        return ()
