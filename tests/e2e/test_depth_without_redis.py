"""`/depth` without Redis: a 503 with the book that this process read last, and its age."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kraken_book.contract.keys import SYMBOLS as SYMBOLS_KEY
from kraken_book.contract.keys import book_key
from lab.ports import free_port
from lab.redis_fleet import RedisCluster
from lab.services import Api
from lab.stage import Stage
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

# Each is on a different master of a cluster of three.
SYMBOLS = ("BTC/USD", "DOT/USD", "ETH/USD")


def start(stage: Stage, redis_url: str) -> Api:
    """Services with live books; the api has read each book once."""
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "60")
    collector = stage.collector(redis_url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    collector.wait_until_live(len(SYMBOLS))
    api = stage.api(redis_url, API_MAX_AGE="2")
    api.wait_until_live(*SYMBOLS)
    return api


@dataclass
class Scene:
    """A Redis that a test may stop and must start again."""

    redis: EmbeddedRedis
    api: Api


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    redis = module_stage.redis(port=free_port())
    return Scene(redis, start(module_stage, redis.url))


def known_book(api: Api, symbol: str) -> dict[str, Any]:
    """Return the book in the problem of `/depth`."""
    answer = api.answers(f"/depth/{symbol}", 503)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:kraken-book:redis-away"
    assert answer.headers["retry-after"] == str(problem["retry_after"])
    book: dict[str, Any] = problem["book"]
    assert book["symbol"] == symbol
    assert book["status"] == "stale"
    assert answer.headers["x-book-age-ms"] == str(book["age_ms"])
    assert answer.headers["x-book-source"] == book["source"] == "simulated"
    return book


def assert_grows_old(api: Api, symbol: str) -> None:
    """Assert that the book stays the same and that its age grows beyond `API_MAX_AGE`."""
    first = known_book(api, symbol)

    def older() -> dict[str, Any] | None:
        book = known_book(api, symbol)
        assert book["age_ms"] >= first["age_ms"]
        assert {**book, "age_ms": 0} == {**first, "age_ms": 0}
        return book if book["age_ms"] > max(3_000, first["age_ms"] + 500) else None

    wait_until(older, "the age of the book grows")


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_depth_problem_contains_last_known_book_with_its_age(
    scene: Scene, stage: Stage, how: str
) -> None:
    redis, api = scene.redis, scene.api
    asked = {symbol: api.answers(f"/depth/{symbol}").json() for symbol in SYMBOLS}
    if how == "killed":
        redis.kill()
    else:
        redis.freeze()
        stage.undo(redis.resume)
    assert_grows_old(api, "BTC/USD")
    for symbol in SYMBOLS:
        book = known_book(api, symbol)
        assert book["seq"] >= asked[symbol]["seq"]
        assert book.keys() == asked[symbol].keys()
    cut = api.get("/depth/BTC%2FUSD?levels=2").json()["book"]
    assert (len(cut["bids"]), len(cut["asks"])) == (2, 2)
    assert api.get("/readyz").status_code == 503
    assert api.get("/healthz").status_code == 200
    last = known_book(api, "ETH/USD")["seq"]

    if how == "killed":
        redis.start()
    else:
        redis.resume()
    api.answers("/readyz")
    back = api.answers("/depth/ETH%2FUSD").json()
    assert back["status"] == "live"
    assert back["seq"] > last


def test_depth_problem_of_unread_book_contains_null(scene: Scene, stage: Stage) -> None:
    api = stage.api(scene.redis.url)
    # This replica has read the list of symbols, but no book.
    api.answers("/symbols")
    scene.redis.kill()
    stage.undo(scene.redis.start)
    problem = api.answers("/depth/BTC%2FUSD", 503).json()
    assert problem["type"] == "urn:kraken-book:redis-away"
    assert problem["book"] is None


def test_dead_cluster_node_leaves_books_of_other_nodes_served(stage: Stage, tmp_path: Path) -> None:
    cluster = stage.enter(RedisCluster(tmp_path))
    homes = {symbol: cluster.node_of(book_key(symbol)) for symbol in SYMBOLS}
    assert len(set(homes.values())) == 3
    api = start(stage, cluster.url)
    api.wait_until_live(*SYMBOLS)

    homes["DOT/USD"].kill()
    assert_grows_old(api, "DOT/USD")
    for symbol in ("BTC/USD", "ETH/USD"):
        assert api.get(f"/depth/{symbol}").status_code == 200
    assert api.get("/readyz").status_code == 200
    homes["DOT/USD"].start()
    api.wait_until_live(*SYMBOLS)

    # This node has the list of symbols.
    assert cluster.node_of(SYMBOLS_KEY) is homes["ETH/USD"]
    homes["ETH/USD"].kill()
    assert_grows_old(api, "ETH/USD")
    for symbol in ("BTC/USD", "DOT/USD"):
        assert api.get(f"/depth/{symbol}").status_code == 200
