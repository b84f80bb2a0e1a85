"""Collectors stop, die, take over from each other, and survive their feed."""

from __future__ import annotations

import signal
from typing import Any, cast

import pytest

from kraken_book.contract.book_hash import status_values
from kraken_book.contract.script import WRITE
from kraken_book.contract.write import EventEntry, Retention, write_events
from kraken_book.event import StatusChange, render_status
from lab.ports import free_port
from lab.scripted_kraken import ScriptedKraken
from lab.services import Collector, SimulatorProcess
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
LEASE = "kraken:lease:{0/1}"
AHEAD = 10**10
"""Four months in milliseconds, by which a clock was wrong."""
NEVER = "2026-01-01T00:00:00.000000Z"


@pytest.fixture(scope="module")
def simulator(module_stage: Stage) -> SimulatorProcess:
    """Return the simulator that all collectors follow."""
    return module_stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "60")


def streams_of(stage: Stage, url: str) -> StoredBooks:
    streams = StoredBooks(url)
    stage.undo(streams.close)
    return streams


def wait_until_they_move(streams: StoredBooks) -> None:
    """Return when every stream has more events."""
    for symbol in SYMBOLS:
        streams.wait_for_seq(symbol, streams.last_seq(symbol) + 5)


def assert_order_held(streams: StoredBooks, status: str = "live") -> None:
    """Assert that every stream fulfils the contract from its first event on."""
    for symbol in SYMBOLS:
        assert streams.ladder(symbol).status == status, symbol


def warm_pair(stage: Stage, redis_url: str, kraken_url: str) -> list[Collector]:
    """Start two collectors of one shard; return when each has live books."""
    pair = [
        stage.collector(
            redis_url, kraken_url, KRAKEN_SYMBOLS=",".join(SYMBOLS), COLLECTOR_LEASE="2"
        )
        for _ in range(2)
    ]
    for collector in pair:
        collector.wait_until_live(len(SYMBOLS))
    return pair


def test_leader_and_standby_are_ready_while_they_have_books(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--control", "0")
    simulator.fault("refuse_connections?seconds=3600")
    pair = [
        stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
        for _ in range(2)
    ]
    for collector in pair:
        assert collector.answers("/readyz", 503).json()["reason"] == "starting"
    simulator.lift_faults()
    for collector in pair:
        assert collector.answers("/readyz").json() == {"status": "ready"}
    epochs = [collector.get("/healthz").json()["epoch"] for collector in pair]
    assert epochs.count(None) == 1, "one of them is a standby"
    simulator.fault("refuse_connections?seconds=3600")
    simulator.fault("drop")
    for collector in pair:
        assert collector.answers("/readyz", 503).json()["reason"] == "no-live-book"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_collector_hands_over_at_once(
    stage: Stage, simulator: SimulatorProcess, number: signal.Signals
) -> None:
    redis = stage.redis()
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    streams = streams_of(stage, redis.url)
    collector.wait_until_live(len(SYMBOLS))
    wait_until_they_move(streams)
    assert streams.client.get(LEASE)

    assert collector.stop(number, limit=10.0) == 0
    assert streams.client.get(LEASE) is None
    assert "Traceback" not in collector.log
    assert collector.lines("stopped")
    assert_order_held(streams, "syncing")
    ends = {symbol: streams.last_seq(symbol) for symbol in SYMBOLS}
    assert {symbol: streams.events(symbol)[-1]["reason"] for symbol in SYMBOLS} == dict.fromkeys(
        SYMBOLS, "stopped"
    )

    collector.restart()
    for symbol, seq in ends.items():
        streams.wait_for_seq(symbol, seq + 10)
    assert_order_held(streams)


def test_standby_takes_over_when_leader_is_killed(
    stage: Stage, simulator: SimulatorProcess
) -> None:
    redis = stage.redis()
    streams = streams_of(stage, redis.url)
    pair = warm_pair(stage, redis.url, simulator.url)
    leading = [collector.metric("kraken_book_leading") for collector in pair]
    assert sorted(leading) == [0, 1]
    leader, second = pair if leading[0] else reversed(pair)
    second.wait_for_line("another collector leads this shard, waiting")
    wait_until_they_move(streams)
    assert second.metric("kraken_book_published_events_total") == 0
    (epoch,) = {event["epoch"] for event in streams.events("BTC/USD")}

    leader.kill()
    second.wait_for_line("leading")
    for symbol in SYMBOLS:
        wait_until(
            lambda symbol=symbol: streams.ladder(symbol).position[0] > epoch,  # type: ignore[misc, index]
            f"{symbol} is published by the second",
        )
    wait_until_they_move(streams)
    assert_order_held(streams)
    for symbol in SYMBOLS:
        events = [event for event in streams.events(symbol) if event["epoch"] > epoch]
        # The standby had verified books: it publishes snapshots without a resync.
        assert events[0]["kind"] == "snapshot"
    assert second.metric("kraken_book_resyncs_total") == 0
    assert second.metric("kraken_book_verified_total", kind="snapshot") == len(SYMBOLS)

    # The first collector returns as a standby.
    leader.restart()
    leader.wait_for_line("another collector leads this shard, waiting")
    wait_until_they_move(streams)
    assert_order_held(streams)


def test_exactly_one_of_two_collectors_leads_after_redis_returns(
    stage: Stage, simulator: SimulatorProcess
) -> None:
    redis = stage.redis()
    streams = streams_of(stage, redis.url)
    pair = warm_pair(stage, redis.url, simulator.url)
    wait_until_they_move(streams)

    redis.kill()
    for collector in pair:
        collector.wait_for_line("lease request failed, retrying")
        assert collector.live() == len(SYMBOLS), "the books go on in memory"
    redis.start()

    def leading() -> list[float]:
        return sorted(collector.metric("kraken_book_leading") for collector in pair)

    # Until the previous leader has heard from the lease, both may lead: a fence stops its writes.
    for collector in pair:
        collector.wait_for_line("lease request works again")
    wait_until(lambda: leading() == [0, 1], "exactly one collector leads")
    wait_until_they_move(streams)
    assert leading() == [0, 1]
    assert_order_held(streams)
    assert len({event["epoch"] for event in streams.events("BTC/USD")}) <= 2
    for collector in pair:
        assert collector.metric("kraken_book_resyncs_total") == 0


def test_hung_leader_writes_nothing_after_takeover(
    stage: Stage, simulator: SimulatorProcess
) -> None:
    redis = stage.redis()
    streams = streams_of(stage, redis.url)
    environment = {"KRAKEN_SYMBOLS": ",".join(SYMBOLS), "COLLECTOR_LEASE": "2"}
    first = stage.collector(redis.url, simulator.url, **environment)
    first.wait_for_line("leading")
    second = stage.collector(redis.url, simulator.url, **environment)
    for collector in (first, second):
        collector.wait_until_live(len(SYMBOLS))
    wait_until_they_move(streams)

    first.freeze()
    second.wait_for_line("leading")
    wait_until_they_move(streams)
    epochs = {symbol: streams.events(symbol)[-1]["epoch"] for symbol in SYMBOLS}
    first.resume()
    # Redis refuses its events of before; then it continues as a standby.
    first.wait_for_line("another collector leads this shard, waiting")
    wait_until(lambda: first.metric("kraken_book_leading") == 0, "the hung collector does not lead")
    wait_until_they_move(streams)
    assert_order_held(streams)
    for symbol in SYMBOLS:
        assert streams.events(symbol)[-1]["epoch"] == epochs[symbol]


def write_a_status(streams: StoredBooks, symbol: str, epoch: int) -> None:
    """Write an event of `epoch` to a symbol's stream."""
    seq = streams.last_seq(symbol) + 1
    data = render_status(StatusChange(symbol, seq, epoch, "syncing", "stopped", NEVER))
    call = write_events(
        symbol,
        epoch,
        NEVER,
        Retention(300_000, 20_000),
        [EventEntry("status", seq, data)],
        status_values(symbol, "syncing", "simulated", 10),
        is_book=False,
    )
    streams.client.eval(WRITE.text, *cast("Any", call.arguments))


def test_collector_leads_streams_with_epochs_of_the_future(
    stage: Stage, simulator: SimulatorProcess
) -> None:
    redis = stage.redis()
    streams = streams_of(stage, redis.url)
    environment = {"KRAKEN_SYMBOLS": ",".join(SYMBOLS), "COLLECTOR_LEASE": "2"}
    first = stage.collector(redis.url, simulator.url, **environment)
    api = stage.api(redis.url)
    api.wait_until_live(*SYMBOLS)
    watches = {symbol: api.watch(symbol) for symbol in SYMBOLS}
    wait_until_they_move(streams)

    # As if Redis's clock had been far ahead when it granted the lease.
    epoch, owner = str(streams.client.get(LEASE)).split()
    ahead, further = int(epoch) + AHEAD, int(epoch) + 2 * AHEAD
    streams.client.set(LEASE, f"{ahead} {owner}", xx=True, keepttl=True)
    first.wait_for_line("leading", epoch=ahead)
    wait_until_they_move(streams)
    first.kill()
    # One stream is further ahead than the others.
    write_a_status(streams, "ETH/USD", further)
    wait_until(lambda: not streams.client.exists(LEASE), "the lease has ended")

    # This collector has not seen these epochs.
    second = stage.collector(redis.url, simulator.url, **environment)
    second.wait_for_line("leading", epoch=further + 1)
    wait_until_they_move(streams)
    assert_order_held(streams)
    for symbol, watch in watches.items():
        watch.wait_for_seq(streams.last_seq(symbol))
        watch.check()
        assert watch.ladder.status == "live"
        assert watch.ladder.counts.lagged == 0
        assert streams.events(symbol)[-1]["epoch"] == further + 1
        watch.leave()
    # It learned all epochs at the same time.
    assert len(second.lines("leading")) == 2


def test_restarted_feed_is_followed_again(stage: Stage) -> None:
    redis = stage.redis()
    port = free_port()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "60", port=port)
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url, API_MAX_AGE="60")
    streams = streams_of(stage, redis.url)
    collector.wait_until_live(len(SYMBOLS))
    api.wait_until_live(*SYMBOLS)
    watch = api.watch("BTC/USD")
    stage.undo(watch.leave)
    wait_until_they_move(streams)

    simulator.kill()
    wait_until(lambda: collector.live() == 0, "no book is live")
    watch.wait_for(lambda event: event.get("status") == "syncing", "syncing")
    ends = {symbol: streams.last_id(symbol) for symbol in SYMBOLS}
    simulator.restart()
    collector.wait_until_live(len(SYMBOLS))
    wait_until_they_move(streams)
    assert_order_held(streams)
    for symbol in SYMBOLS:
        kinds = [event["kind"] for event in streams.events(symbol, ends[symbol])]
        assert "snapshot" in kinds
        assert "update" not in kinds[: kinds.index("snapshot")]
    watch.wait_for_seq(streams.last_seq("BTC/USD"))
    watch.check()
    assert watch.ladder.counts.lagged == 0
    assert collector.metric("kraken_book_reconnects_total") >= 1
    assert collector.process.poll() is None


def test_silent_feed_is_reconnected(stage: Stage) -> None:
    redis = stage.redis()
    streams = streams_of(stage, redis.url)
    with ScriptedKraken(SYMBOLS) as kraken:
        collector = stage.collector(redis.url, kraken.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
        collector.wait_until_live(len(SYMBOLS))
        wait_until_they_move(streams)
        assert kraken.connections == 1
        kraken.fall_silent()
        line = collector.wait_for_line("connection failed, backing off")
        assert line["reason"] == "silent"
        wait_until(lambda: kraken.connections == 2, "the collector connects again")
        collector.wait_until_live(len(SYMBOLS))
        wait_until_they_move(streams)
        assert_order_held(streams)
        asked = [each for each in kraken.asked() if each.connection == 2]
        assert {symbol for each in asked for symbol in each.symbols} == set(SYMBOLS)
        reasons = {
            event["reason"] for event in streams.events("BTC/USD") if event["kind"] == "status"
        }
        assert "silent" in reasons
        collector.stop()
