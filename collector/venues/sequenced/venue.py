"""A venue whose books are proved by a sequence, as a `collector.feed.venue.Venue`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from collector.feed.books import SymbolBook
from collector.feed.budget import Budget, SharedBudget
from collector.feed.lag import LagMemory
from collector.feed.room import Room
from collector.feed.venue import InstrumentsListener
from collector.tape.recorder import TapeRecorder
from collector.venues.connection import Connects, FeedConnection
from collector.venues.sequenced.listing import VenueListing
from collector.venues.sequenced.protocol import RestSnapshot, TextLevels, VenueTraits
from collector.venues.sequenced.rest import Answer, RestClient, RestFailed
from collector.venues.sequenced.session import SequencedSession
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger

CONNECTS_PERIOD = 600.0
# The limit of all symbols of a process, so that a feed full of faults causes no flood of requests.
RESYNCS_PER_10_S = 50
# At least what any venue counts for a book of 100 levels.
COMPARISON_WEIGHT = 5


class SequencedVenue:
    """A venue, or its simulator.

    Args:
        traits: What differs between venues.
        url: Address of the websocket.
        rest_url: Address of the REST interface, without a path.
        source: Origin of the frames, the venue's name or `simulated`.
        depth: Levels of each side that are published.
        symbols_per_connection: The most books that one connection carries.
        connects_per_10_min: The most connection attempts of all connections in ten minutes.
        quiet_resync: Seconds without a change after which a book is resynced.
        room: The room in the queues of events; by default there always is some.
        tape: Records all that the connections receive and send.
    """

    def __init__(
        self,
        traits: VenueTraits,
        url: str,
        rest_url: str,
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
        self.name, self.proof = traits.name, traits.proof
        self.lists_on_connections = False
        self._traits = traits
        self._url = url
        self._quiet_resync = quiet_resync
        self._room = room or Room()
        self._tape = tape
        self._connects = SharedBudget(connects_per_10_min, CONNECTS_PERIOD)
        self._burst = Budget(*traits.connects)
        self._resyncs = SharedBudget(RESYNCS_PER_10_S, 10.0)
        self._rest = RestClient(traits.name, rest_url, traits.weight_per_minute)
        self._listing = VenueListing(
            traits.name, self._rest, traits.pairs_path, traits.pairs_weight, traits.decode_pairs
        )
        self._log = LimitedLog(get_logger(f"collector.{traits.name}"))

    def open_connection(self, name: str, on_instruments: InstrumentsListener) -> FeedConnection:  # noqa: ARG002 - the listing has the pairs
        """Return a new connection, which the caller runs.

        Args:
            name: Name of the connection in logs and reports.
            on_instruments: Not called: `work` reports the pairs.
        """
        resyncs, lag_memory = self._resyncs.join(), LagMemory()

        def open_session(books: Mapping[str, SymbolBook]) -> SequencedSession:
            return SequencedSession(
                self._traits,
                books,
                self._listing,
                self._quiet_resync,
                resyncs,
                lag_memory,
                self._ask_snapshot,
            )

        return FeedConnection(
            name,
            self._url,
            Connects(self._connects.join(), self._burst),
            open_session,
            self._room,
            venue=self._traits.name,
            silence=self._traits.silence,
            tape=self._tape.connection(name, self._url) if self._tape else None,
        )

    def work(self, on_instruments: InstrumentsListener) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what must run beside the connections."""
        return [self._rest.run(), self._listing.run(on_instruments)]

    @property
    def gives_books(self) -> bool:
        """Whether the venue gives its present books by REST."""
        return self._traits.book is not None

    async def fetch_book(self, symbol: str) -> tuple[TextLevels, TextLevels]:
        """Return the bids and asks that the venue gives by REST now, while `work` runs.

        A RestFailed is raised if the venue does not answer.

        Args:
            symbol: The symbol of a listed pair.

        Raises:
            ValueError: The venue gives no books, the pair is not listed, or the answer has no book.
        """
        by_rest = self._traits.book
        if by_rest is None:
            raise ValueError(f"{self.name} gives no books by REST")
        pair = self._listing.find(symbol)
        if pair is None:
            raise ValueError(f"{symbol} is not listed")
        return by_rest.decode(await self._rest.get(by_rest.path(pair.name), COMPARISON_WEIGHT))

    def _ask_snapshot(
        self,
        pair: str,
        on_answer: Callable[[RestSnapshot | None], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        by_rest = self._traits.snapshot
        assert by_rest is not None, f"{self._traits.name} gives no snapshots by REST"

        def decode(answer: Answer) -> None:
            on_answer(None if isinstance(answer, RestFailed) else self._decoded(pair, answer))

        self._rest.ask(by_rest.path(pair), by_rest.weight, decode, is_wanted)

    def _decoded(self, pair: str, body: bytes) -> RestSnapshot | None:
        assert self._traits.snapshot is not None
        try:
            return self._traits.snapshot.decode(body)
        except (ValueError, RecursionError) as error:
            self._log.warning("snapshot not understood", pair=pair, error=str(error))
            return None
