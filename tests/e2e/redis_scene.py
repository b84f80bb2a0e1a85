"""Books behind proxies to Redis, a reader of each, and assertions on every event."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.ports import free_port
from lab.redis_proxy import RedisProxy
from lab.services import Api, Collector, SimulatorProcess
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
# Longer than any test.
STILL_SECONDS = 600


@dataclass
class Scene:
    """A simulator, a collector and an api; collector and api each reach Redis through a proxy."""

    redis: EmbeddedRedis
    simulator: SimulatorProcess
    to_collector: RedisProxy
    to_api: RedisProxy
    collector: Collector
    api: Api
    streams: StoredBooks
    depth: int
    symbols: tuple[str, ...] = SYMBOLS
    before_leading: int = 0
    """How many updates the collector had verified before it began to publish."""
    watches: dict[str, StreamWatch] = field(default_factory=dict)

    def flow(self, events: int = 10) -> None:
        """Return when every stream has `events` more events, and its reader has received them."""
        ends = {
            symbol: max(self.streams.last_seq(symbol), watch.ladder.seq) + events
            for symbol, watch in self.watches.items()
        }
        for symbol, seq in ends.items():
            self.streams.wait_for_seq(symbol, seq)
            self.watches[symbol].wait_for_seq(seq)

    def stand_still(self) -> None:
        """Stop the markets; return when every verified update is in Redis and read."""
        for symbol in self.symbols:
            self.simulator.fault(f"silence?symbol={symbol}&seconds={STILL_SECONDS}")
        for symbol in self.symbols:
            wait_until(lambda symbol=symbol: self._is_over(symbol), f"{symbol} is all read")  # type: ignore[misc]

    def move(self) -> None:
        """Let the markets move again."""
        self.simulator.lift_faults()

    def verified(self) -> int:
        """Return how many updates the collector has verified."""
        return int(self.collector.metric("kraken_book_verified_total", kind="update"))

    def updates(self) -> int:
        """Return how many updates the streams contain."""
        return sum(self.streams.ladder(symbol).counts.updates for symbol in self.symbols)

    def assert_every_event_once(self) -> None:
        """Assert that each verified update is stored and was read; the markets must rest."""
        for symbol in self.symbols:
            counts = self.streams.ladder(symbol).counts
            assert counts.conflated == counts.jumps == 0, symbol
        assert self.updates() + self.before_leading == self.verified()
        self._assert_readers_were_told_of_no_loss()
        for symbol, watch in self.watches.items():
            assert watch.ladder.counts.conflated == watch.ladder.counts.jumps == 0, symbol

    def assert_every_event_once_or_counted(self) -> None:
        """Assert that each number is an event or counted by a snapshot; the markets must rest."""
        for symbol in self.symbols:
            ladder = self.streams.ladder(symbol)
            assert ladder.counts.events + ladder.counts.conflated == ladder.seq, symbol
        self._assert_readers_were_told_of_no_loss()

    def _assert_readers_were_told_of_no_loss(self) -> None:
        for symbol, watch in self.watches.items():
            watch.check()
            assert watch.ladder.counts.lagged == 0, symbol
            assert {e.get("status") for e in watch.events} <= {None, "live", "stale"}, symbol
            self.assert_book_is_right(symbol)

    def assert_book_is_right(self, symbol: str) -> None:
        """Assert that the books of the reader and of /depth equal the market's, which must rest."""
        market = self.simulator.book(symbol, self.depth)
        served = self.api.answers(f"/depth/{symbol}").json()
        ladder = self.watches[symbol].ladder
        for side in ("bids", "asks"):
            assert getattr(ladder, side) == market[side], (symbol, side)
            assert served[side] == market[side], (symbol, side)

    def _is_over(self, symbol: str) -> bool:
        self.watches[symbol].check()
        market, book = self.simulator.book(symbol), self.streams.book(symbol)
        last = self.streams.last_seq(symbol)
        ended = book["checksum"] == str(market["checksum"]) and book["seq"] == str(last)
        return bool(ended and self.watches[symbol].ladder.seq == last)


def open_scene(
    stage: Stage,
    *,
    rate: int = 75,
    depth: int = 10,
    max_age: float = 10.0,
    module: str = "collector",
) -> Scene:
    """Start all services and a reader of each book; return when every book is live and moves."""
    redis = stage.redis(port=free_port())
    simulator = stage.simulator(
        "--symbols", ",".join(SYMBOLS), "--rate", str(rate), "--control", "0"
    )
    to_collector, to_api = (stage.redis_proxy(redis) for _ in range(2))
    collector = stage.collector(
        to_collector.url,
        simulator.url,
        module=module,
        KRAKEN_SYMBOLS=",".join(SYMBOLS),
        KRAKEN_DEPTH=str(depth),
        STREAM_MAXLEN="1000000",
    )
    api = stage.api(to_api.url, API_MAX_AGE=str(max_age))
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    collector.wait_until_live(len(SYMBOLS))
    api.wait_until_live(*SYMBOLS)
    scene = Scene(redis, simulator, to_collector, to_api, collector, api, streams, depth)
    for symbol in SYMBOLS:
        watch = scene.watches[symbol] = api.watch(symbol)
        stage.undo(watch.leave)
    scene.stand_still()
    scene.before_leading = scene.verified() - scene.updates()
    scene.move()
    scene.flow()
    return scene
