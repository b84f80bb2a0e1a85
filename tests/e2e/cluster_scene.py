"""Services over a Redis Cluster, with a reader of each symbol and one of all."""

from __future__ import annotations

from kraken_book import iter_events
from kraken_book.contract.keys import book_key
from lab.paged_events import PagedEvents
from lab.redis_fleet import RedisCluster, RedisServer
from lab.services import Api, Collector, SimulatorProcess
from lab.sse.many_books import ManyBooksReader
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks

# One on each of three masters. `kraken:wake` and the lease are with BTC/USD, `kraken:symbols` is
# with ETH/USD.
SYMBOLS = ("BTC/USD", "DOT/USD", "ETH/USD")
EVENTS = 10


class Followed:
    """Services over a cluster, and a reader of each symbol."""

    def __init__(self, stage: Stage, cluster: RedisCluster) -> None:
        self.cluster = cluster
        self.simulator: SimulatorProcess = stage.simulator(
            "--symbols", ",".join(SYMBOLS), "--rate", "150", "--control", "0"
        )
        self.collector: Collector = stage.collector(
            cluster.url,
            self.simulator.url,
            KRAKEN_SYMBOLS=",".join(SYMBOLS),
            STREAM_MAXLEN="1000000",
        )
        self.api: Api = stage.api(cluster.url)
        self.collector.wait_until_live(len(SYMBOLS))
        self.api.wait_until_live(*SYMBOLS)
        self.watches: dict[str, StreamWatch] = {}
        for symbol in SYMBOLS:
            self.watches[symbol] = self.api.watch(symbol)
            stage.undo(self.watches[symbol].leave)

        self.many = ManyBooksReader(self.api.url, "/stream?symbols=*")
        stage.undo(self.many.leave)

    def home_of(self, symbol: str) -> RedisServer:
        return self.cluster.node_of(book_key(symbol))

    def go_on(self, *symbols: str) -> None:
        """Return when the readers of these symbols have `EVENTS` more events."""
        ends = {symbol: self.watches[symbol].ladder.seq + EVENTS for symbol in symbols}
        for symbol, end in ends.items():
            self.watches[symbol].wait_for_seq(end)

    def assert_nothing_was_lost(self) -> None:
        """Assert that the readers have every event that is in Redis, and /events has them too."""
        for symbol, watch in self.watches.items():
            streams = StoredBooks(self.home_of(symbol).url)
            watch.wait_for_seq(streams.ladder(symbol).seq)
            streams.close()
            watch.check()
            by_client = [event.id for event in iter_events(self.api.url, symbol, limit=300)]
            past = PagedEvents(self.api.http, symbol, "limit=300")
            past.read_all()
            assert by_client == past.ids[: len(by_client)]
            assert len(by_client) > EVENTS
            watch.wait_for_seq(past.events[-1]["seq"])
            past.assert_same(watch.ids, watch.events)
            assert past.gaps == []
            assert watch.ladder.counts.lagged == 0, symbol
            assert watch.ladder.counts.conflated == 0, symbol
            self.many.wait_for_seq(symbol, watch.ladder.seq)
            assert self.many.ladders[symbol].counts.lagged == 0, symbol
            assert watch.ladder.status in (None, "live"), symbol
