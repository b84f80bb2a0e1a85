"""Collectors of two venues on one Redis: each has its own books, lease and list of symbols."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from redis import Redis

from kraken_book import Client, get_best
from lab.services import Api, Collector, SimulatorProcess
from lab.sse.client_reader import ClientReader
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis
from tests.e2e.node_reader import BEST_READER, NodeReader

VENUES = "kraken-book:venues"
SYMBOLS = "BTC/USD,ETH/USD"


class Scene(NamedTuple):
    """Two venues, each with a collector of the same pairs."""

    stage: Stage
    redis: EmbeddedRedis
    simulators: Mapping[str, SimulatorProcess]
    client: Any
    kraken: Collector
    coinbase: Collector

    def collector(self, symbols: str, *, venue: str = "coinbase") -> Collector:
        """Start another collector of a venue."""
        settings = {f"{venue.upper()}_SYMBOLS": symbols}
        simulator = self.simulators[venue]
        if venue == "kraken":
            return self.stage.collector(self.redis.url, simulator.url, **settings)
        return self.stage.venue_collector(self.redis.url, venue, simulator, **settings)


@pytest.fixture
def scene(stage: Stage) -> Scene:
    redis = stage.redis()
    simulators = {
        venue: stage.simulator("--venue", venue, "--symbols", SYMBOLS, "--rate", "50")
        for venue in ("kraken", "coinbase")
    }
    client = stage.enter(closing(Redis.from_url(redis.url, decode_responses=True)))
    kraken = stage.collector(redis.url, simulators["kraken"].url, KRAKEN_SYMBOLS=SYMBOLS)
    coinbase = stage.venue_collector(
        redis.url, "coinbase", simulators["coinbase"], COINBASE_SYMBOLS=SYMBOLS
    )
    for collector in (kraken, coinbase):
        collector.wait_until_live(2)
    return Scene(stage, redis, simulators, client, kraken, coinbase)


def test_each_venue_has_its_own_keys_and_full_names_in_json(scene: Scene) -> None:
    client = scene.client
    wait_until(lambda: client.hlen("coinbase:symbols") == 2, "the states are written")
    wait_until(lambda: client.exists("coinbase:book:{BTC/USD}") == 1, "the book is written")
    assert client.smembers(VENUES) == {"kraken", "coinbase"}
    wait_until(lambda: '"venue":"coinbase"' in client.hget("coinbase:feed", "0/1"), "it reports")
    leases = {str(client.get(f"{venue}:lease:{{0/1}}")) for venue in ("kraken", "coinbase")}
    assert len(leases) == 2
    for venue, symbol, proof in (
        ("kraken", "BTC/USD", "checksum"),
        ("coinbase", "coinbase:BTC/USD", "sequence"),
    ):
        book = client.hgetall(f"{venue}:book:{{BTC/USD}}")
        assert (book["symbol"], book["proof"]) == (symbol, proof)
        ((_, entry),) = client.xrevrange(f"{venue}:events:{{BTC/USD}}", count=1)
        assert json.loads(entry["data"])["symbol"] == symbol
        assert set(client.hkeys(f"{venue}:symbols")) == {"BTC/USD", "ETH/USD"}
        ((_, wake),) = client.xrevrange(f"{venue}:wake", count=1)
        assert set(wake["s"].split(",")) <= {"BTC/USD", "ETH/USD"}
        entries = client.xrange(f"{venue}:events:{{BTC/USD}}")
        snapshots = [entry for _, entry in entries if entry["kind"] == "snapshot"]
        assert json.loads(snapshots[0]["data"])["proof"] == proof


def test_fewer_symbols_at_one_venue_remove_nothing_at_the_other(scene: Scene) -> None:
    client = scene.client
    scene.coinbase.stop()
    scene.collector("BTC/USD").wait_until_live(1)
    wait_until(lambda: not client.exists("coinbase:book:{ETH/USD}"), "its book is removed")
    assert client.hkeys("coinbase:symbols") == ["BTC/USD"]
    assert set(client.hkeys("kraken:symbols")) == {"BTC/USD", "ETH/USD"}
    assert client.exists("kraken:book:{ETH/USD}")


def test_standby_of_one_venue_waits_for_its_own_venue_only(scene: Scene) -> None:
    standby = scene.collector("BTC/USD,ETH/USD")
    standby.wait_for_line("another collector leads this shard, waiting")
    epoch = str(scene.client.get("kraken:lease:{0/1}")).split()[0]
    scene.coinbase.kill()
    standby.wait_for_line("leading")
    assert str(scene.client.get("kraken:lease:{0/1}")).split()[0] == epoch


def test_set_of_venues_that_is_deleted_or_corrupt_stops_no_book(scene: Scene) -> None:
    client = scene.client
    client.delete(VENUES)
    wait_until(lambda: client.smembers(VENUES) == {"kraken", "coinbase"}, "both are listed again")
    client.delete(VENUES)
    client.set(VENUES, "no set")
    scene.coinbase.wait_for_line("redis key corrupt, left unchanged")
    before = client.hget("coinbase:book:{BTC/USD}", "seq")
    wait_until(lambda: client.hget("coinbase:book:{BTC/USD}", "seq") != before, "it is written")
    client.delete(VENUES)
    wait_until(lambda: client.smembers(VENUES) == {"kraken", "coinbase"}, "both are listed again")


@pytest.fixture
def api(scene: Scene) -> Api:
    api = scene.stage.api(scene.redis.url, API_MAX_AGE="2")
    api.wait_until_live("BTC/USD", "ETH/USD", "coinbase:BTC/USD", "coinbase:ETH/USD")
    return api


def test_api_serves_both_venues_and_suggests_between_them(scene: Scene, api: Api) -> None:
    symbols = ["BTC/USD", "ETH/USD", "coinbase:BTC/USD", "coinbase:ETH/USD"]
    assert api.answers("/symbols").json() == symbols
    assert [row["symbol"] for row in api.answers("/books").json()] == symbols
    assert api.answers("/depth/coinbase:btc-usd").json()["symbol"] == "coinbase:BTC/USD"
    unknown = api.get("/depth/binance:BTC/USD")
    assert unknown.json()["symbols"] == ["BTC/USD", "coinbase:BTC/USD"]


def test_client_verifies_books_of_both_venues_on_one_stream(scene: Scene, api: Api) -> None:
    reader = scene.stage.enter(ClientReader(api.url, "BTC/USD", "coinbase:BTC/USD"))
    for symbol in ("BTC/USD", "coinbase:BTC/USD"):
        reader.wait_until_live(symbol, after=20)
    book = reader.book("coinbase:BTC/USD")
    assert (book.venue, book.pair, book.proof) == ("coinbase", "BTC/USD", "sequence")


def test_client_follows_and_gets_the_books_of_wildcards(scene: Scene, api: Api) -> None:
    reader = scene.stage.enter(ClientReader(api.url, "*:BTC/USD", "!kraken:*"))
    reader.wait_until_live("coinbase:BTC/USD", after=5)
    assert list(reader.watch.books) == ["coinbase:BTC/USD"]
    with Client(api.url) as client:
        found = client.get_books("eth-usd", "coinbase:*", "!coinbase:ETH/USD")
    assert list(found) == ["ETH/USD", "coinbase:BTC/USD"]


def test_dead_collector_makes_only_its_venue_stale(scene: Scene, api: Api) -> None:
    scene.coinbase.kill()

    def statuses() -> dict[str, str]:
        return {row["symbol"]: row["status"] for row in api.answers("/books").json()}

    wait_until(lambda: statuses()["coinbase:BTC/USD"] == "stale", "its books are stale")
    assert statuses()["BTC/USD"] == "live"
    assert api.get("/depth/coinbase:BTC/USD").status_code == 503
    assert api.get("/depth/BTC/USD").status_code == 200
    scene.collector("BTC/USD,ETH/USD")
    wait_until(lambda: statuses()["coinbase:BTC/USD"] == "live", "they are live again")


def test_best_prices_leave_out_the_venue_whose_collector_died(scene: Scene, api: Api) -> None:
    def best() -> dict[str, Any]:
        answer: dict[str, Any] = api.answers("/best/xbt-usd").json()
        return answer

    def statuses() -> list[tuple[str, str]]:
        return [(each["venue"], each["status"]) for each in best()["venues"]]

    assert statuses() == [("kraken", "live"), ("coinbase", "live")]
    scene.coinbase.kill()
    wait_until(lambda: statuses() == [("kraken", "live"), ("coinbase", "stale")], "it is stale")
    assert [each.status for each in get_best(api.url, "BTC/USD").venues] == ["live", "stale"]
    answer = best()
    assert {answer["best"][side]["venue"] for side in ("bid", "ask")} == {"kraken"}
    prices = [Decimal(answer["best"][side]["price"]) for side in ("ask", "bid")]
    assert Decimal(answer["best"]["spread"]) == prices[0] - prices[1]


def test_stream_of_best_prices_shows_the_death_and_return_of_a_collector(
    scene: Scene, api: Api, tmp_path: Path
) -> None:
    stream = scene.stage.enter(SseStream(api.url, "/best/BTC%2FUSD/stream?interval=10ms"))
    node = NodeReader(tmp_path, api.url, "btc-usd", program=BEST_READER)
    scene.stage.undo(node.close)
    answers = node.lines()

    def wait_for(coinbase: str) -> dict[str, Any]:
        for event_id, event in stream.events():
            assert event_id is None
            if event["venues"][1]["status"] == coinbase:
                return event
        raise AssertionError("the stream ended")

    def wait_in_node_for(coinbase: str) -> dict[str, Any]:
        return next(each for each in answers if each["venues"][1]["status"] == coinbase)

    read, followed = next(answers), next(answers)
    assert [each["venue"] for each in read["venues"]] == ["kraken", "coinbase"]
    assert read.keys() == followed.keys() == api.answers("/best/BTC/USD").json().keys()
    assert wait_for("live")["pair"] == "BTC/USD"
    scene.coinbase.kill()
    assert wait_for("stale")["best"]["bid"]["venue"] == "kraken"
    assert wait_in_node_for("stale")["best"]["bid"]["venue"] == "kraken"
    scene.collector("BTC/USD,ETH/USD")
    assert wait_for("live")["venues"][1]["proof"] == "sequence"
    assert wait_in_node_for("live")["venues"][1]["proof"] == "sequence"


def test_venue_that_comes_later_is_served_without_a_restart(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", "BTC/USD", "--rate", "50")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS="BTC/USD")
    api = stage.api(redis.url)
    api.wait_until_live("BTC/USD")
    reader = stage.enter(ClientReader(api.url, "*"))
    reader.wait_until_live("BTC/USD", after=5)
    coinbase = stage.simulator("--venue", "coinbase", "--symbols", "BTC/USD", "--rate", "50")
    stage.venue_collector(redis.url, "coinbase", coinbase, COINBASE_SYMBOLS="BTC/USD")
    reader.wait_until_live("coinbase:BTC/USD", after=5)
    api.wait_until_live("BTC/USD", "coinbase:BTC/USD")
