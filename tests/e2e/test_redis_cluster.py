"""On a Redis Cluster, no reader loses an event by a dead node or a slot that moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_book.contract.keys import SYMBOLS as SYMBOLS_KEY
from kraken_book.contract.keys import WAKE, book_key, events_key
from lab.redis_fleet import RedisCluster, RedisServer, is_master
from lab.services import Api, Collector, SimulatorProcess
from lab.sse.many_books import ManyBooksReader
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

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
        """Assert that the readers have every event that is in Redis."""
        for symbol, watch in self.watches.items():
            streams = StoredBooks(self.home_of(symbol).url)
            watch.wait_for_seq(streams.ladder(symbol).seq)
            streams.close()
            watch.check()
            assert watch.ladder.counts.lagged == 0, symbol
            assert watch.ladder.counts.conflated == 0, symbol
            self.many.wait_for_seq(symbol, watch.ladder.seq)
            assert self.many.ladders[symbol].counts.lagged == 0, symbol
            assert watch.ladder.status in (None, "live"), symbol


def test_hung_or_dead_cluster_node_delays_only_its_own_symbols(
    stage: Stage, tmp_path: Path
) -> None:
    cluster = stage.enter(RedisCluster(tmp_path))
    followed = Followed(stage, cluster)
    api, collector = followed.api, followed.collector
    homes = {symbol: followed.home_of(symbol) for symbol in SYMBOLS}
    assert len(set(homes.values())) == 3
    followed.go_on(*SYMBOLS)

    homes["DOT/USD"].freeze()
    collector.wait_for_line("redis does not take writes, the books go on in memory")
    api.wait_for_line("redis cannot be reached, streams stay open and wait")
    followed.go_on("BTC/USD", "ETH/USD")
    assert api.get("/depth/BTC%2FUSD").status_code == 200
    assert api.get("/depth/DOT%2FUSD").status_code == 503
    assert api.get("/readyz").status_code == 200
    rows = {row["symbol"]: row for row in api.get("/books").json()}
    assert rows["BTC/USD"]["status"] == "live"
    assert rows["DOT/USD"]["status"] == "syncing"
    homes["DOT/USD"].resume()
    followed.go_on(*SYMBOLS)

    # This node has the wake stream and the lease.
    assert cluster.node_of(WAKE) is homes["BTC/USD"]
    homes["BTC/USD"].kill()
    collector.wait_for_line("redis does not take writes, the books go on in memory", count=2)
    followed.go_on("DOT/USD", "ETH/USD")
    assert api.get("/depth/ETH%2FUSD").status_code == 200
    homes["BTC/USD"].start()
    followed.go_on(*SYMBOLS)

    # This node has the list of symbols.
    assert cluster.node_of(SYMBOLS_KEY) is homes["ETH/USD"]
    homes["ETH/USD"].kill()
    api.answers("/symbols", 503)
    followed.go_on("BTC/USD", "DOT/USD")
    assert api.get("/depth/BTC%2FUSD").status_code == 200
    homes["ETH/USD"].start()
    followed.go_on(*SYMBOLS)
    assert api.answers("/symbols").json() == list(SYMBOLS)
    followed.assert_nothing_was_lost()
    assert collector.metric("kraken_book_resyncs_total") == 0


@pytest.mark.parametrize("symbol", ["DOT/USD", "BTC/USD"])
def test_dead_cluster_node_is_replaced_by_its_replica(
    stage: Stage, tmp_path: Path, symbol: str
) -> None:
    cluster = stage.enter(RedisCluster(tmp_path))
    dying = cluster.node_of(book_key(symbol))
    replica = cluster.add_replica(dying)
    followed = Followed(stage, cluster)
    followed.go_on(*SYMBOLS)

    # Without events of its symbol, only entries of kraken:wake can be lost with the node.
    followed.simulator.fault(f"silence?symbol={symbol}&seconds=3")
    dying.kill()
    wait_until(lambda: is_master(replica), "the replica is promoted")
    followed.go_on(*SYMBOLS)
    assert followed.home_of(symbol) is replica
    followed.api.wait_until_live(*SYMBOLS)
    for each, watch in followed.watches.items():
        watch.check()
        # The replica may lack the dead node's last events; its readers then get `lagged`.
        reasons = {event["reason"] for event in watch.events if event["kind"] == "lagged"}
        assert reasons <= ({"redis"} if each == symbol else set())
    assert followed.collector.metric("kraken_book_resyncs_total") == 0


def test_slots_that_move_cost_no_event(stage: Stage, tmp_path: Path) -> None:
    cluster = stage.enter(RedisCluster(tmp_path))
    followed = Followed(stage, cluster)
    followed.go_on(*SYMBOLS)
    source, target = followed.home_of("ETH/USD"), followed.home_of("DOT/USD")
    keys = book_key("ETH/USD"), events_key("ETH/USD")

    cluster.begin_to_move(keys[0], target)
    followed.go_on(*SYMBOLS)
    cluster.move_keys(keys[:1], source, target)
    # While the two keys are apart, only the other symbols get events.
    followed.go_on("BTC/USD", "DOT/USD")
    cluster.move_keys(keys[1:], source, target)
    # The old node redirects clients.
    followed.go_on(*SYMBOLS)
    cluster.end_move(keys[0], target)
    followed.go_on(*SYMBOLS)
    assert followed.home_of("ETH/USD") is target

    for key in (WAKE, SYMBOLS_KEY):
        source = cluster.begin_to_move(key, target)
        cluster.move_keys([key], source, target)
        followed.go_on(*SYMBOLS)
        cluster.end_move(key, target)
        followed.go_on(*SYMBOLS)
    wait_until(lambda: target.client.hlen(SYMBOLS_KEY) == 3, "the symbols are there")
    assert followed.api.answers("/symbols").json() == list(SYMBOLS)
    followed.assert_nothing_was_lost()
    assert followed.collector.lines("redis does not write this, trying on") == []
