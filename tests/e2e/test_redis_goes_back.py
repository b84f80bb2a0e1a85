"""Redis returns with all its data, with none, or with less than readers have received."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic
from typing import Any

from lab.ports import free_port
from lab.redis_fleet import Fleet
from lab.services import Api
from lab.sse.client_reader import ClientReader
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis
from tests.e2e.redis_scene import SYMBOLS, Scene, open_scene

LOST_EVENTS = 150
LEASE_SECONDS = 5


def test_redis_restart_with_data_costs_no_event(stage: Stage) -> None:
    scene = open_scene(stage)
    scene.streams.client.shutdown(save=True)
    scene.redis.process.wait()
    scene.collector.wait_for_line("redis unavailable, events wait in memory")
    scene.redis.start()

    scene.flow()
    scene.stand_still()
    scene.assert_every_event_once()
    for symbol, watch in scene.watches.items():
        epochs = {event["epoch"] for event in watch.events} - {None}
        # A new epoch, and so a snapshot, is needed only if the lease has expired.
        assert watch.ladder.counts.snapshots == len(epochs), symbol


def test_leader_of_a_pair_leads_again_after_redis_was_away_for_longer_than_the_lease(
    stage: Stage, tmp_path: Path
) -> None:
    server = stage.enter(Fleet(tmp_path)).server("redis", appendonly="yes")
    server.start()
    simulator = stage.simulator("--symbols", "BTC/USD", "--rate", "60")
    pair = [
        stage.collector(
            server.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD", COLLECTOR_LEASE=str(LEASE_SECONDS)
        )
        for _ in range(2)
    ]
    for collector in pair:
        collector.wait_until_live(1)
    reader = stage.enter(ClientReader(stage.api(server.url).url, "BTC/USD"))
    reader.wait_until_live("BTC/USD", after=20)
    leading = [collector.metric("kraken_book_leading") for collector in pair]
    server.kill()
    killed_at = monotonic()
    wait_until(lambda: monotonic() > killed_at + LEASE_SECONDS + 1, "the lease has ended")
    server.start()
    reader.wait_until_live("BTC/USD", after=reader.ladder("BTC/USD").seq + 60)
    assert [collector.metric("kraken_book_leading") for collector in pair] == leading
    tally = reader.record.account.tally
    assert (tally.conflated, tally.uncounted, tally.missed) == (0, 0, 0)


def test_emptied_redis_is_filled_again(stage: Stage) -> None:
    scene = open_scene(stage)
    client: Any = scene.streams.client
    for empty in (client.flushall, client.flushdb):
        before = {symbol: watch.ladder.seq for symbol, watch in scene.watches.items()}
        empty()
        scene.flow()
        for symbol in SYMBOLS:
            (first, *_) = scene.streams.events(symbol)
            assert first["kind"] == "snapshot"
            assert first["seq"] > before[symbol], "numbers go on from memory"
    wait_until(lambda: set(scene.streams.states()) == set(SYMBOLS), "kraken:symbols")
    wait_until(lambda: client.hget("kraken:feed", "0/1"), "kraken:feed")
    wait_until(
        lambda: scene.api.answers("/symbols").json() == sorted(SYMBOLS),
        "/symbols, which an api may keep for a second, has them again",
    )
    assert {row["status"] for row in scene.api.answers("/books").json()} == {"live"}

    scene.stand_still()
    for symbol, watch in scene.watches.items():
        watch.check()
        assert {e.get("reason") for e in watch.events if e["kind"] == "lagged"} <= {"redis"}
        scene.assert_book_is_right(symbol)
    assert scene.collector.metric("kraken_book_resyncs_total") == 0


class Failover:
    """A Redis replica that stopped replicating, and its master, which went on and is lost."""

    def __init__(self, stage: Stage) -> None:
        self.scene: Scene = open_scene(stage, rate=450)
        self.heir: EmbeddedRedis = stage.redis(port=free_port())
        self.there = StoredBooks(self.heir.url)
        stage.undo(self.there.close)
        client: Any = self.there.client
        client.replicaof("127.0.0.1", self.scene.redis.port)
        ends = {symbol: self.scene.streams.last_seq(symbol) for symbol in SYMBOLS}
        for symbol, seq in ends.items():
            self.there.wait_for_seq(symbol, seq)
        client.replicaof("NO", "ONE")
        self.known = {symbol: self.there.last_id(symbol) for symbol in SYMBOLS}
        self.scene.flow(LOST_EVENTS)

    def lost(self, symbol: str) -> str:
        """Return the id of an event that was read and is lost."""
        return next(i for i in reversed(self.scene.watches[symbol].ids) if i is not None)

    def lead_collector(self) -> None:
        """Lead the collector, and the assertions on streams, to the promoted replica."""
        self.scene.to_collector.lead_to(self.heir.port or 0)
        self.scene.streams = self.there

    def lead_api(self) -> None:
        """Lead the api to the promoted replica."""
        self.scene.to_api.lead_to(self.heir.port or 0)

    def contents(self, symbol: str) -> list[dict[str, Any]]:
        """Return every numbered event that was ever published, without the api's own snapshots."""
        before = StoredBooks(self.scene.redis.url)
        found = before.events(symbol) + self.there.events(symbol)
        before.close()
        read = self.scene.watches[symbol].events
        return found + [e for e in read if e.get("received_at") or e["kind"] == "status"]


def assert_no_number_has_two_contents(failover: Failover, symbol: str) -> None:
    seen: dict[int, str] = {}
    for event in failover.contents(symbol):
        if event["seq"] is not None:
            text = json.dumps(event, sort_keys=True)
            assert seen.setdefault(event["seq"], text) == text, symbol


def assert_resumes(api: Api, symbol: str, event_id: str, kinds: list[str]) -> None:
    """Assert that a reader that resumes after this id gets first events of these kinds."""
    with api.stream(symbol, Last_Event_ID=event_id) as stream:
        events = (event for _, event in stream.events())
        received = [next(events) for _ in kinds]
    assert [event["kind"] for event in received] == kinds
    if kinds[0] == "lagged":
        assert received[0]["reason"] == "unknown"


def test_lossy_failover_sends_lagged_and_reuses_no_number(
    stage: Stage,
) -> None:
    failover = Failover(stage)
    scene = failover.scene
    lost = {symbol: failover.lost(symbol) for symbol in SYMBOLS}
    failover.lead_api()
    for symbol, watch in scene.watches.items():
        received = watch.wait_for(lambda event: event["kind"] == "lagged", "lagged")
        assert received["reason"] == "redis", symbol

    failover.lead_collector()
    scene.flow()
    another = stage.api(scene.to_api.url)
    for symbol in SYMBOLS:
        for api in (scene.api, another):
            assert_resumes(api, symbol, lost[symbol], ["lagged", "snapshot"])
            # This event survived, and the snapshot counts all events after it.
            assert_resumes(api, symbol, failover.known[symbol], ["snapshot"])
    scene.stand_still()
    for symbol, watch in scene.watches.items():
        watch.check()
        assert_no_number_has_two_contents(failover, symbol)
        scene.assert_book_is_right(symbol)
        (after, *_) = failover.there.events(symbol, failover.known[symbol])
        known = int(failover.known[symbol].partition("-")[2])
        assert after["kind"] == "snapshot"
        jump = after["seq"] - known - 1
        assert jump >= LOST_EVENTS
        # The count is unknown if the lease has expired there as well.
        assert after["conflated"] in (jump, None)
    assert scene.collector.metric("kraken_book_resyncs_total") == 0


def test_lossy_failover_noticed_late_sends_lagged(stage: Stage) -> None:
    failover = Failover(stage)
    scene = failover.scene
    scene.to_collector.lead_to(failover.heir.port or 0)
    for symbol in SYMBOLS:
        failover.there.wait_for_seq(symbol, scene.streams.last_seq(symbol) + 1)
    failover.lead_api()
    scene.streams = failover.there
    scene.flow()
    for watch in scene.watches.values():
        watch.check()
