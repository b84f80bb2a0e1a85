"""The system under test: a simulator and a collector for each venue, one Redis, several apis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from collector.settings import CollectorSettings
from kraken_book.selection import Selection
from kraken_book.symbols import KRAKEN, symbol_of
from lab.services import Api, Collector, SimulatorProcess
from lab.stage import Stage
from lab.stored_books import StoredBooks
from launcher.embedded_redis import EmbeddedRedis
from tools.faults import FaultMaker

BASES = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "LINK", "DOT", "AVAX")
API_REPLICAS = 2
CONNECTION_FAULT_IN = 4
"""One of so many faults is of all connections of the venue."""
_NO_LIMIT = 10**9


class CountedUpdates(NamedTuple):
    """A count at a moment without updates."""

    published: int
    """The updates that the collector's process has published so far."""
    last_ids: Mapping[str, str]
    """The id of each book's last event."""


@dataclass
class VenueSide:
    """One venue: its simulator, its collector and its faults."""

    name: str
    pairs: tuple[str, ...]
    simulator: SimulatorProcess
    collector: Collector
    faults: FaultMaker
    counted: CountedUpdates | None = None
    """The last count; None if a kill or a restart of Redis makes the next one incomparable."""
    symbols: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.symbols = tuple(symbol_of(self.name, pair) for pair in self.pairs)

    def health(self) -> dict[str, Any]:
        """Return the collector's /healthz."""
        found: dict[str, Any] = self.collector.get("/healthz").json()
        return found

    def published(self) -> int:
        """Return the number of updates that the collector's process has published."""
        metric = self.collector.metric
        unseen = metric("kraken_book_unseen_changes_total")
        return int(metric("kraken_book_verified_total", kind="update") - unseen)

    def kill_collector(self) -> None:
        """Kill the collector and start it again."""
        self.counted = None
        self.collector.kill()
        self.collector.restart()

    def lift_faults(self) -> None:
        """End all faults, and bring pairs back that were delisted."""
        self.simulator.lift_faults()
        for request in self.faults.repairs():
            self.simulator.fault(request)


@dataclass(frozen=True)
class VenuesUnderTest:
    """The running processes; `streams` reads the books in Redis."""

    redis: EmbeddedRedis
    sides: Mapping[str, VenueSide]
    apis: Sequence[Api]
    streams: StoredBooks

    @property
    def symbols(self) -> list[str]:
        """All symbols of all venues."""
        return [symbol for side in self.sides.values() for symbol in side.symbols]

    def epochs(self, side: VenueSide) -> dict[str, str]:
        """Return the epoch of each book of a venue."""
        return {symbol: self.streams.book(symbol).get("epoch", "") for symbol in side.symbols}


def start_venues(
    stage: Stage, venues: Sequence[str], books: int, rate: float, seed: int
) -> VenuesUnderTest:
    """Start all processes, and wait until all books are live.

    Args:
        stage: The stage of the processes.
        venues: The venues.
        books: The number of books of each venue.
        rate: The moves per second of each venue's markets.
        seed: The seed of the faults.

    Returns:
        The processes.

    """
    redis = stage.redis()
    sides = {
        venue: _start_venue(stage, redis.url, venue, books, rate, seed + number)
        for number, venue in enumerate(venues)
    }
    apis = [stage.api(redis.url, LOG_LEVEL="error") for _ in range(API_REPLICAS)]
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    for side in sides.values():
        side.collector.wait_until_live(books)
    system = VenuesUnderTest(redis, sides, apis, streams)
    for api in apis:
        api.wait_until_live(*system.symbols)
    return system


def _start_venue(
    stage: Stage, redis_url: str, venue: str, books: int, rate: float, seed: int
) -> VenueSide:
    pairs = _pairs(venue, books)
    simulator = stage.simulator(
        *("--venue", venue, "--symbols", ",".join(pairs), "--rate", str(rate)),
        *("--control", "0", "--log-level", "warning", "--seed", str(seed)),
    )
    prefix = venue.upper()
    settings = {
        f"{prefix}_SYMBOLS": ",".join(pairs),
        # The maximum: connections end more often here than at an exchange.
        f"{prefix}_CONNECTS_PER_10_MIN": "150",
        "STREAM_MAXLEN": str(_NO_LIMIT),
        "STREAM_RETENTION": "86400",
    }
    if venue == KRAKEN:
        collector = stage.collector(redis_url, simulator.url, **settings)
    else:
        collector = stage.venue_collector(redis_url, venue, simulator, **settings)
    faults = FaultMaker(pairs, seed, venue, CONNECTION_FAULT_IN, delists=True)
    return VenueSide(venue, pairs, simulator, collector, faults)


def _pairs(venue: str, books: int) -> tuple[str, ...]:
    """Return pairs with the quote of the venue's default symbols."""
    usual: Selection = CollectorSettings.model_fields[f"{venue}_symbols"].default
    _, _, quote = usual.names[0].partition("/")
    return tuple(f"{base}/{quote}" for base in BASES[:books])
