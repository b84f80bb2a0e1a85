"""After a Sentinel's failover, both services find the new master and readers continue."""

from __future__ import annotations

from pathlib import Path

from lab.redis_fleet import SentinelFleet
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from tests.e2e.limit_scene import SharedLimits

SYMBOLS = ("BTC/USD", "ETH/USD")


def test_killed_master_is_replaced_and_readers_continue(stage: Stage, tmp_path: Path) -> None:
    fleet = stage.enter(SentinelFleet(tmp_path))
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "200")
    collector = stage.collector(
        fleet.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS), STREAM_MAXLEN="1000000"
    )
    api = stage.api(fleet.url)
    collector.wait_until_live(len(SYMBOLS))
    api.wait_until_live(*SYMBOLS)
    watches = {symbol: api.watch(symbol) for symbol in SYMBOLS}
    for watch in watches.values():
        stage.undo(watch.leave)
        watch.wait_for_seq(20)

    limits = SharedLimits(stage, fleet.url, tmp_path)
    limits.assert_shared()

    fleet.master.kill()
    fleet.wait_for_failover()
    collector.wait_for_line("redis available again")
    limits.assert_shared()
    streams = StoredBooks(fleet.replica.url)
    stage.undo(streams.close)
    for symbol, watch in watches.items():
        watch.wait_for_seq(watch.ladder.seq + 50)
        watch.wait_for_seq(streams.ladder(symbol).seq)
        watch.check()
        # The replica may have lacked events; their loss is reported.
        reasons = [event["reason"] for event in watch.events if event["kind"] == "lagged"]
        assert set(reasons) <= {"redis"}
        assert watch.ladder.status in (None, "live")
    api.answers("/readyz")
    api.wait_until_live(*SYMBOLS)

    # The old master returns, becomes a replica, and gets no writes.
    fleet.master.start()
    for watch in watches.values():
        watch.wait_for_seq(watch.ladder.seq + 50)
        watch.check()
    assert collector.metric("kraken_book_resyncs_total") == 0


def test_demoted_master_is_left(stage: Stage, tmp_path: Path) -> None:
    fleet = stage.enter(SentinelFleet(tmp_path))
    simulator = stage.simulator("--symbols", "BTC/USD", "--rate", "200")
    collector = stage.collector(
        fleet.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD", STREAM_MAXLEN="1000000"
    )
    api = stage.api(fleet.url)
    collector.wait_until_live(1)
    api.wait_until_live("BTC/USD")
    watch = api.watch("BTC/USD")
    stage.undo(watch.leave)
    watch.wait_for_seq(20)
    fleet.fail_over()
    fleet.wait_for_failover()
    streams = StoredBooks(fleet.replica.url)
    stage.undo(streams.close)
    before = streams.last_seq("BTC/USD")
    # A delayed Sentinel is inactive for 30 s ("tilt") before it demotes the old master.
    wait_until(lambda: streams.last_seq("BTC/USD") >= before + 50, "writes reach it", 90.0)
    watch.wait_for_seq(streams.ladder("BTC/USD").seq)
    watch.check()
