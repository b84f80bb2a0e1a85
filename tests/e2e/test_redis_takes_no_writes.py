"""A Redis that answers and refuses writes, because it is full or a replica."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from lab.cramped_collector import MAX_WAITING
from lab.ports import free_port
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.redis_scene import SYMBOLS, Scene, open_scene

MAX_AGE_SECONDS = 3.0
# The error words of Redis.
FULL, REPLICA = "maxmemory", "read only replica"


@contextlib.contextmanager
def taking_no_writes(scene: Scene, word: str) -> Iterator[None]:
    """Let Redis answer writes with this error, and reads as usual, until the context ends."""
    client: Any = scene.streams.client
    if word == FULL:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
    else:
        # The master does not exist, so the replica keeps its data.
        client.replicaof("127.0.0.1", free_port())
    try:
        yield
    finally:
        client.config_set("maxmemory", "0")
        client.replicaof("NO", "ONE")


@pytest.mark.parametrize("word", [FULL, REPLICA])
def test_redis_without_writes_is_reported_and_every_event_is_stored_or_counted(
    stage: Stage, word: str
) -> None:
    scene = open_scene(stage, max_age=MAX_AGE_SECONDS)
    collector, api = scene.collector, scene.api
    with taking_no_writes(scene, word):
        for what in (
            "redis write failed, retrying",
            "lease request failed, retrying",
        ):
            assert word in collector.wait_for_line(what)["error"]
        reasons = {line["reason"] for line in collector.lines("lease request failed, retrying")}
        assert not reasons & {"unreachable", "refused", "timed-out"}
        assert not collector.lines("redis unavailable, events wait in memory")
        for symbol, watch in scene.watches.items():
            watch.wait_for(lambda event: event.get("status") == "stale", "stale")
            problem = api.answers(f"/depth/{symbol}", 503).json()
            assert problem["book"]["status"] == "stale"
        assert collector.live() == len(SYMBOLS), "the books go on in memory"
        assert {row["status"] for row in api.answers("/books").json()} == {"stale"}
        api.answers("/readyz")

    collector.wait_for_line("redis write works again")
    scene.flow()
    scene.stand_still()
    # If the lease has expired, a new epoch begins, with a snapshot for the waiting events.
    scene.assert_every_event_once_or_counted()


def test_events_beyond_queue_limit_are_counted_exactly(stage: Stage) -> None:
    scene = open_scene(stage, rate=150, module="lab.cramped_collector")
    with taking_no_writes(scene, FULL):
        enough = scene.verified() + 20 * MAX_WAITING
        wait_until(lambda: scene.verified() > enough, "more events have come than the queue holds")
        # Plus a snapshot and a status; a repeated call may contain as many.
        most = len(SYMBOLS) * 2 * (MAX_WAITING + 2)
        assert scene.collector.metric("kraken_book_waiting_events") <= most

    scene.flow()
    scene.stand_still()
    for symbol, watch in scene.watches.items():
        assert watch.ladder.counts.conflated > MAX_WAITING, symbol
    scene.assert_every_event_once_or_counted()
