"""On a Redis Cluster, a slot that moves costs no reader an event."""

from __future__ import annotations

from pathlib import Path

from kraken_book.contract.keys import SYMBOLS as SYMBOLS_KEY
from kraken_book.contract.keys import WAKE, book_key, events_key
from lab.redis_fleet import RedisCluster
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.cluster_scene import SYMBOLS, Followed


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
    assert followed.collector.lines("redis write failed, retrying") == []
