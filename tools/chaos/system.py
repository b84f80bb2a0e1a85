"""The system under test: a simulator, a collector with two connections, Redis and an api."""

from __future__ import annotations

from dataclasses import dataclass

from lab.ports import free_port
from lab.services import Api, Collector, SimulatorProcess
from lab.stage import Stage
from lab.stored_books import StoredBooks
from launcher.embedded_redis import EmbeddedRedis

# Each step that makes a book doubtful has a fresh book: the pause before a resync grows.
HIT = tuple(f"H{number:02}/USD" for number in range(20))
BESIDE, ELSEWHERE = "ETH/USD", "SOL/USD"
_FIRST_CONNECTION = (*HIT, BESIDE)
_MOVES_PER_SECOND = 1500
# The default, 300 s, is longer than the run. All other settings have their defaults.
_QUIET_SECONDS = 10


@dataclass(frozen=True)
class SystemUnderTest:
    """The running processes; `streams` reads the books in Redis."""

    redis: EmbeddedRedis
    simulator: SimulatorProcess
    collector: Collector
    api: Api
    streams: StoredBooks


def start_system(stage: Stage) -> SystemUnderTest:
    """Start all processes, and wait until all books are live."""
    redis = stage.redis()
    symbols = (*_FIRST_CONNECTION, ELSEWHERE)
    simulator = stage.simulator(
        *("--rate", str(_MOVES_PER_SECOND), "--symbols", ",".join(symbols)),
        # Fixed ports stay the same after a restart.
        *("--control", str(free_port())),
        port=free_port(),
    )
    collector = stage.collector(
        redis.url,
        simulator.url,
        # The wildcard adds the pair that is listed later, on the second connection.
        KRAKEN_SYMBOLS=f"{','.join(symbols)},N*/USD",
        KRAKEN_SYMBOLS_PER_CONNECTION=str(len(_FIRST_CONNECTION)),
        KRAKEN_QUIET_RESYNC=str(_QUIET_SECONDS),
    )
    api = stage.api(redis.url)
    api.wait_until_live(*symbols)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    return SystemUnderTest(redis, simulator, collector, api, streams)
