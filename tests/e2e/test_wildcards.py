"""Wildcards select from Kraken's listing, and follow it as pairs come and go."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lab.services import Api, Collector, SimulatorProcess
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

LISTED = ("AAA/USD", "BBB/USD", "CCC/USD", "USDT/USD", "AAA/EUR", "BBB/EUR")
WANTED = ["AAA/USD", "BBB/EUR", "BBB/USD", "CCC/USD"]


@dataclass
class Scene:
    """A collector of `*/USD` and one more symbol."""

    simulator: SimulatorProcess
    collector: Collector
    api: Api
    streams: StoredBooks

    def wait_for_symbols(self, *symbols: str) -> None:
        expected = sorted(symbols)
        wait_until(lambda: self.api.get("/symbols").json() == expected, f"/symbols is {expected}")


@pytest.fixture
def scene(stage: Stage) -> Scene:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(LISTED), "--rate", "150", "--control", "0")
    collector = stage.collector(
        redis.url,
        simulator.url,
        KRAKEN_SYMBOLS="BBB/EUR,*/USD,!USDT/*",
        # A new symbol then joins on the second connection.
        KRAKEN_SYMBOLS_PER_CONNECTION="3",
    )
    api = stage.api(redis.url)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    return Scene(simulator, collector, api, streams)


def test_pairs_that_match_wildcard_are_followed_while_listed(scene: Scene) -> None:
    scene.wait_for_symbols(*WANTED)
    scene.api.wait_until_live(*WANTED)
    leaves, stays = scene.api.watch("CCC/USD"), scene.api.watch("AAA/USD")
    leaves.wait_for_seq(1)

    scene.simulator.fault("list?symbol=NEW/USD")
    scene.wait_for_symbols(*WANTED, "NEW/USD")
    scene.api.wait_until_live("NEW/USD")
    scene.simulator.fault("list?symbol=NEW/EUR")

    scene.simulator.fault("pair_status?symbol=CCC/USD&status=delisted")
    leaves.wait_for(
        lambda event: (event.get("status"), event.get("reason")) == ("syncing", "not listed"),
        "the word that it is not listed",
    )
    scene.wait_for_symbols("AAA/USD", "BBB/EUR", "BBB/USD", "NEW/USD")
    scene.api.answers("/depth/CCC/USD", 404)
    wait_until(lambda: scene.streams.book("CCC/USD") == {}, "its keys are gone")
    assert scene.streams.entries("CCC/USD") == []

    stays.wait_for_seq(stays.ladder.seq + 10)
    leaves.check()
    stays.check()
    assert stays.ladder.counts.statuses == 0
    for watch in (leaves, stays):
        watch.leave()
