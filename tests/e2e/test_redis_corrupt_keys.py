"""A foreign write into a key harms only its symbol, and is logged once with the repair."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.redis_scene import SYMBOLS, Scene, open_scene

BOOK, EVENTS = "kraken:book:{BTC/USD}", "kraken:events:{BTC/USD}"
LEASE = "kraken:lease:{0/1}"
OTHERS = SYMBOLS[1:]
CORRUPT = "redis key corrupt, left unchanged"
REPAIRED = "redis key corrupt, repaired"
MAX_LINES = 12


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    return open_scene(module_stage, rate=300)


def flow_of(scene: Scene, *symbols: str) -> None:
    """Return when these streams have more events, and their readers have received them."""
    for symbol in symbols:
        watch = scene.watches[symbol]
        watch.wait_for_seq(watch.ladder.seq + 10)
        # None: the book was live when the reader joined.
        assert watch.ladder.status in {None, "live"}


def repair(scene: Scene, line: dict[str, Any]) -> None:
    """Run the repair that the log contains."""
    program, *arguments = shlex.split(line["repair"])
    assert program == "redis-cli"
    redis: Any = scene.streams.client
    redis.execute_command(*arguments)


@pytest.mark.parametrize(
    ("key", "spoil"),
    [
        (BOOK, lambda redis: redis.hset(BOOK, "stream_epoch", "1e308")),
        (EVENTS, lambda redis: redis.xadd(EVENTS, {"a": "b"}, id="18446744073709551615-7")),
    ],
)
def test_impossible_value_is_repaired_and_fences_no_collector(
    scene: Scene, key: str, spoil: Callable[[Any], object]
) -> None:
    repaired = len(scene.collector.lines(REPAIRED))
    epoch = scene.collector.metric("kraken_book_epoch")
    # Events that nobody has read yet are lost with the stream.
    scene.stand_still()
    spoil(scene.streams.client)
    scene.move()
    line = scene.collector.wait_for_line(REPAIRED, count=repaired + 1)
    assert line["key"] == key
    flow_of(scene, *SYMBOLS)
    assert {scene.api.answers(f"/depth/{symbol}").status_code for symbol in SYMBOLS} == {200}
    assert scene.collector.metric("kraken_book_epoch") == epoch
    assert not scene.watches["BTC/USD"].ladder.counts.lagged


@pytest.mark.parametrize("key", [BOOK, "kraken:symbols", LEASE])
def test_key_of_wrong_type_is_logged_with_working_repair(scene: Scene, key: str) -> None:
    redis: Any = scene.streams.client
    corrupt = len(scene.collector.lines(CORRUPT))
    lines = len(scene.collector.log.splitlines())
    with redis.pipeline(transaction=True) as together:
        together.delete(key)
        together.rpush(key, "somebody's")
        together.execute()
    line = scene.collector.wait_for_line(CORRUPT, count=corrupt + 1)
    assert (line["level"], line["key"]) == ("error", key)
    flow_of(scene, *(OTHERS if key in {BOOK, EVENTS} else SYMBOLS))
    troubles = scene.collector.get("/healthz").json()["redis"]["troubles"]
    assert [(trouble["what"], trouble["reason"]) for trouble in troubles] == [(key, "wrong-type")]
    repair(scene, line)
    flow_of(scene, *SYMBOLS)
    wait_until(
        lambda: scene.collector.get("/healthz").json()["redis"]["status"] == "ok",
        "no corrupt key is left",
    )
    assert len(scene.collector.lines(CORRUPT)) == corrupt + 1
    assert len(scene.collector.log.splitlines()) - lines <= MAX_LINES
    for symbol, watch in scene.watches.items():
        watch.check()
        scene.api.answers(f"/depth/{symbol}")
