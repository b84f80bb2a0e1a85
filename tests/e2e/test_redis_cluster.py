"""On a Redis Cluster, a node that dies costs no reader an event."""

from __future__ import annotations

from pathlib import Path

import pytest

from kraken_book.contract.keys import SYMBOLS as SYMBOLS_KEY
from kraken_book.contract.keys import WAKE, book_key
from lab.redis_fleet import RedisCluster, is_master
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.cluster_scene import SYMBOLS, Followed


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
    collector.wait_for_line("redis unavailable, events wait in memory")
    api.wait_for_line("redis unavailable, streams wait")
    followed.go_on("BTC/USD", "ETH/USD")
    assert api.get("/depth/BTC%2FUSD").status_code == 200
    assert api.get("/depth/DOT%2FUSD").status_code == 503
    assert api.get("/events/BTC%2FUSD").status_code == 200
    assert api.get("/events/DOT%2FUSD").status_code == 503
    assert api.get("/readyz").status_code == 200
    rows = {row["symbol"]: row for row in api.get("/books").json()}
    assert rows["BTC/USD"]["status"] == "live"
    assert rows["DOT/USD"]["status"] == "syncing"
    homes["DOT/USD"].resume()
    followed.go_on(*SYMBOLS)

    # This node has the wake stream and the lease.
    assert cluster.node_of(WAKE) is homes["BTC/USD"]
    homes["BTC/USD"].kill()
    collector.wait_for_line("redis unavailable, events wait in memory", count=2)
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
