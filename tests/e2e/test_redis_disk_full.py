"""A Redis that cannot save refuses writes and answers reads, and the services report that."""

from __future__ import annotations

from pathlib import Path

from lab.redis_fleet import Fleet
from lab.stage import Stage
from lab.stored_books import StoredBooks


def test_redis_that_cannot_save_is_reported_and_api_stays_ready(
    stage: Stage, tmp_path: Path
) -> None:
    server = stage.enter(Fleet(tmp_path)).server("redis")
    server.start()
    simulator = stage.simulator("--symbols", "BTC/USD,ETH/USD")
    collector = stage.collector(server.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD,ETH/USD")
    api = stage.api(server.url)
    collector.wait_until_live(2)
    api.wait_until_live("BTC/USD")
    watch = api.watch("BTC/USD")
    stage.undo(watch.leave)
    watch.wait_for_seq(5)

    refused = "redis write failed, retrying"
    with server.unable_to_save():
        line = collector.wait_for_line(refused)
        assert line["reason"] == "cannot-save"
        assert "disk is full" in line["advice"]
        assert api.answers("/readyz").json() == {"status": "ready"}
        assert api.get("/symbols").json() == ["BTC/USD", "ETH/USD"]
        troubles = collector.get("/healthz").json()["redis"]["troubles"]
        assert {trouble["reason"] for trouble in troubles} == {"cannot-save"}
        assert not api.lines("redis unavailable, streams wait")

    collector.wait_for_line("redis write works again")
    watch.wait_for_seq(watch.ladder.seq + 5)
    watch.check()
    assert watch.ladder.counts.lagged == 0
    # Logged once for the server, not for each symbol at each attempt.
    assert len(collector.lines(refused)) == 1
    streams = StoredBooks(server.url)
    stage.undo(streams.close)
    assert streams.ladder("BTC/USD").status == "live"
