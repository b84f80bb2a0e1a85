"""Books on two connections to a simulator that can go wrong, and who reads them over SSE."""

from __future__ import annotations

from dataclasses import dataclass

from lab.services import Api, Collector, SimulatorProcess
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

# One for each test that doubts a book: each doubt of the same one is waited out longer.
HIT = tuple(f"H{number}/USD" for number in range(16))
BESIDE, ELSEWHERE = "ETH/USD", "SOL/USD"
# Of each book. Every one costs CPU in five processes.
MOVES_PER_SECOND = 12
MAX_AGE_SECONDS = 3
# As long as a dead connection is believed in, or an answer waited for.
PATIENCE = 40.0


@dataclass
class Market:
    """What a collector stands between: a simulator, and a Redis with an api."""

    symbols: tuple[str, ...]
    simulator: SimulatorProcess
    redis: EmbeddedRedis
    api: Api
    streams: StoredBooks


@dataclass
class Scene:
    """Books on two connections, the last one alone on the second, and what they go through."""

    simulator: SimulatorProcess
    collector: Collector
    api: Api
    streams: StoredBooks


def open_market(stage: Stage, *hit: str) -> Market:
    """Books to `hit`, and two more, which nobody follows yet."""
    symbols = (*hit, BESIDE, ELSEWHERE)
    rate = str(len(symbols) * MOVES_PER_SECOND)
    redis = stage.redis()
    simulator = stage.simulator("--rate", rate, "--symbols", ",".join(symbols), "--control", "0")
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    api = stage.api(redis.url, API_MAX_AGE=str(MAX_AGE_SECONDS))
    return Market(symbols, simulator, redis, api, streams)


def open_scene(stage: Stage, market: Market) -> Scene:
    """A collector follows the market: everything is live, and moves."""
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
    """One reader of each book that a test looks at, who checks every event."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._watches: dict[str, StreamWatch] = {}
        self.read(BESIDE, ELSEWHERE)

    def read(self, *symbols: str) -> None:
        """Read these books too, from now on."""
        for symbol in symbols:
            watch = self._watches[symbol] = self._scene.api.watch(symbol)
            watch.wait_for_seq(1)

    def __getitem__(self, symbol: str) -> StreamWatch:
        return self._watches[symbol]

    def leave(self, symbol: str) -> None:
        """Read this one no more, after a look at all that it got."""
        watch = self._watches.pop(symbol)
        watch.check()
        watch.leave()

    def close(self) -> None:
        for watch in self._watches.values():
            watch.leave()

    def wait_for_doubt(self, symbol: str, reason: str) -> None:
        """Return once the reader of a book has been told that it is not known, for this reason."""

        def told(event: dict[str, object]) -> bool:
            return event.get("status") == "syncing" and event.get("reason") == reason

        self[symbol].wait_for(told, f"syncing for {reason}")

    def wait_until_right(self) -> None:
        """Return once all that are read are live and move, as their readers and Redis tell."""
        for symbol, watch in self._watches.items():

            def is_live(symbol: str = symbol, watch: StreamWatch = watch) -> bool:
                watch.check()
                hash_status = self._scene.streams.book(symbol)["status"]
                return watch.ladder.status != "syncing" and hash_status == "live"

            wait_until(is_live, f"{symbol} is live again", PATIENCE)
            watch.wait_for_seq(watch.ladder.seq + 5)

    def assert_unharmed(self, *more: str) -> None:
        """Who reads the other books, and `more`, has been told of no doubt."""
        for symbol in (BESIDE, ELSEWHERE, *more):
            self[symbol].check()
            told = [e for e in self[symbol].events if e["kind"] in ("status", "lagged")]
            assert [e for e in told if e.get("status") != "live"] == [], symbol
