"""Books on two connections to a faulty simulator, and a checking SSE reader of each book."""

from __future__ import annotations

from dataclasses import dataclass

from lab.services import Api, Collector, SimulatorProcess
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

# One for each test that doubts a book, because the back-off of a book grows with each doubt.
HIT = tuple(f"H{number}/USD" for number in range(10))
BESIDE, ELSEWHERE = "ETH/USD", "SOL/USD"
# Of each book. Each move costs CPU in five processes.
MOVES_PER_SECOND = 12
MAX_AGE_SECONDS = 3
# Longer than the timeouts for a dead connection and for a missing answer together.
PATIENCE = 40.0


@dataclass
class Market:
    """Everything around a collector: a simulator, Redis and an api."""

    symbols: tuple[str, ...]
    simulator: SimulatorProcess
    redis: EmbeddedRedis
    api: Api
    streams: StoredBooks


@dataclass
class Scene:
    """A followed market with two connections; the second one carries only the last book."""

    simulator: SimulatorProcess
    collector: Collector
    api: Api
    streams: StoredBooks


def open_market(stage: Stage, *hit: str) -> Market:
    """Start a market of the books `hit` and two more, without a collector."""
    symbols = (*hit, BESIDE, ELSEWHERE)
    rate = str(len(symbols) * MOVES_PER_SECOND)
    redis = stage.redis()
    simulator = stage.simulator("--rate", rate, "--symbols", ",".join(symbols), "--control", "0")
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    api = stage.api(redis.url, API_MAX_AGE=str(MAX_AGE_SECONDS))
    return Market(symbols, simulator, redis, api, streams)


def open_scene(stage: Stage, market: Market) -> Scene:
    """Start a collector of the market; return when every book is live."""
    collector = stage.collector(
        market.redis.url,
        market.simulator.url,
        KRAKEN_SYMBOLS=",".join(market.symbols),
        KRAKEN_SYMBOLS_PER_CONNECTION=str(len(market.symbols) - 1),
        KRAKEN_QUIET_RESYNC="10",
        STREAM_MAXLEN="1000000",
    )
    collector.wait_until_live(len(market.symbols))
    market.api.wait_until_live(*market.symbols)
    return Scene(market.simulator, collector, market.api, market.streams)


class Readers:
    """One reader for each observed book; it checks every event."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._watches: dict[str, StreamWatch] = {}
        self.read(BESIDE, ELSEWHERE)

    def read(self, *symbols: str) -> None:
        """Open a reader of each of these books."""
        for symbol in symbols:
            watch = self._watches[symbol] = self._scene.api.watch(symbol)
            watch.wait_for_seq(1)

    def __getitem__(self, symbol: str) -> StreamWatch:
        return self._watches[symbol]

    def leave(self, symbol: str) -> None:
        """Check all events of a book's reader, and close it."""
        watch = self._watches.pop(symbol)
        watch.check()
        watch.leave()

    def close(self) -> None:
        for watch in self._watches.values():
            watch.leave()

    def wait_for_doubt(self, symbol: str, reason: str) -> None:
        """Return when the reader of a book has its status `syncing` with this reason."""

        def is_doubt(event: dict[str, object]) -> bool:
            return event.get("status") == "syncing" and event.get("reason") == reason

        self[symbol].wait_for(is_doubt, f"syncing for {reason}")

    def wait_until_right(self) -> None:
        """Return when every observed book is live, for its reader and in Redis, and moves."""
        for symbol, watch in self._watches.items():

            def is_live(symbol: str = symbol, watch: StreamWatch = watch) -> bool:
                watch.check()
                hash_status = self._scene.streams.book(symbol)["status"]
                return watch.ladder.status != "syncing" and hash_status == "live"

            wait_until(is_live, f"{symbol} is live again", PATIENCE)
            watch.wait_for_seq(watch.ladder.seq + 5)

    def assert_unharmed(self, *more: str) -> None:
        """Assert that readers of the other books, and of `more`, got no doubt and no `lagged`."""
        for symbol in (BESIDE, ELSEWHERE, *more):
            self[symbol].check()
            changes = [e for e in self[symbol].events if e["kind"] in ("status", "lagged")]
            assert [e for e in changes if e.get("status") != "live"] == [], symbol
