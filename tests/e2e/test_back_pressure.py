"""Frames arrive faster than Redis writes: connections pause, and only then events are conflated."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from bench.load.flood_process import FloodProcess
from lab.cramped_collector import MAX_WAITING
from lab.ports import free_port
from lab.proxy_faults import DelayAnswers
from lab.services import Collector
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from tests.e2e.redis_scene import SYMBOLS, Scene, open_scene

CRAMPED = "lab.cramped_collector"
# The busiest symbol has about 1,200 of these updates. With this queue and this delay of each
# flush, Redis takes at most 1,300 of its events a second, which is below the rate of the collector;
# and the frames of one read, 150 of that symbol, need a small part of the time that they may wait.
FLOOD_SYMBOLS, FLOOD_UPDATES = 20, 10_000
FLOOD_QUEUE, FLOOD_DELAY = 64, 0.05
# Of queues of MAX_WAITING events, Redis takes at most 200 a second with this delay.
LASTING_DELAY = 0.3


def assert_connection_never_ended(collector: Collector) -> None:
    assert collector.metric("kraken_book_reconnects_total") == 0
    assert collector.metric("kraken_book_resyncs_total") == 0


def test_flood_above_the_rate_of_redis_conflates_nothing_within_the_bounds(stage: Stage) -> None:
    redis = stage.redis(port=free_port())
    proxy = stage.redis_proxy(redis)
    flood = stage.enter(FloodProcess(FLOOD_SYMBOLS, FLOOD_UPDATES))
    served = flood.serving.v2
    collector = stage.collector(
        proxy.url,
        served.url,
        module=CRAMPED,
        CRAMPED_EVENTS=str(FLOOD_QUEUE),
        KRAKEN_SYMBOLS=",".join(served.updates),
        STREAM_MAXLEN="1000000",
    )
    collector.wait_until_live(len(served.updates))
    collector.wait_for_line("leading")
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    wait_until(
        lambda: all(streams.is_live(symbol) for symbol in served.updates), "readers see live books"
    )
    # A collector that leads before it has a book starts that book's stream with one more status.
    ends = {symbol: streams.last_seq(symbol) + n for symbol, n in served.updates.items()}

    with proxy.goes_wrong(DelayAnswers(FLOOD_DELAY)):
        flood.send("v2")
        for symbol, end in ends.items():
            streams.wait_for_seq(symbol, end)

    for symbol, updates in served.updates.items():
        seqs = [event["seq"] for event in streams.events(symbol)]
        assert seqs == list(range(1, ends[symbol] + 1))
        assert streams.ladder(symbol).counts.updates == updates
        assert streams.book(symbol)["checksum"] == str(flood.serving.checksums[symbol])
    assert collector.metric("kraken_book_conflated_events_total") == 0
    assert collector.metric("kraken_book_feed_paused_seconds_total") > 0
    assert_connection_never_ended(collector)


def test_flood_that_lasts_is_conflated_and_never_ends_the_connection(stage: Stage) -> None:
    scene = open_scene(stage, rate=1500, module=CRAMPED)
    collector = scene.collector
    with scene.to_collector.goes_wrong(DelayAnswers(LASTING_DELAY)):
        # The connection pauses until its frames are so old that it must go on.
        wait_until(
            lambda: collector.metric("kraken_book_conflated_events_total") > 20 * MAX_WAITING,
            "events are conflated",
        )
        collector.wait_for_line("feed paused, redis writes too slowly")
        enough = scene.verified() + 100 * MAX_WAITING
        wait_until(lambda: scene.verified() > enough, "the books follow the feed")
        assert collector.live() == len(SYMBOLS)
    scene.flow()
    scene.stand_still()
    assert_connection_never_ended(collector)
    scene.assert_every_event_once_or_counted()


@contextlib.contextmanager
def frozen(scene: Scene) -> Iterator[None]:
    """Freeze Redis until the context ends."""
    scene.redis.freeze()
    try:
        yield
    finally:
        scene.redis.resume()


@contextlib.contextmanager
def away(scene: Scene) -> Iterator[None]:
    """Refuse the collector's connections to Redis until the context ends."""
    port = scene.redis.port
    assert port
    scene.to_collector.lead_to(free_port())
    try:
        yield
    finally:
        scene.to_collector.lead_to(port)


@pytest.mark.parametrize("outage", [frozen, away])
def test_redis_that_does_not_answer_holds_up_no_connection(
    stage: Stage, outage: Callable[[Scene], AbstractContextManager[None]]
) -> None:
    scene = open_scene(stage, rate=1500, module=CRAMPED)
    collector = scene.collector
    with outage(scene):
        collector.wait_for_line("redis unavailable, events wait in memory")
        paused = collector.metric("kraken_book_feed_paused_seconds_total")
        enough = scene.verified() + 100 * MAX_WAITING
        wait_until(lambda: scene.verified() > enough, "the books follow the feed")
        assert collector.metric("kraken_book_feed_paused_seconds_total") == paused
        assert collector.live() == len(SYMBOLS)
    collector.wait_for_line("redis available again")
    scene.flow()
    scene.stand_still()
    for symbol, watch in scene.watches.items():
        assert watch.ladder.counts.conflated > MAX_WAITING, symbol
    assert_connection_never_ended(collector)
    scene.assert_every_event_once_or_counted()
