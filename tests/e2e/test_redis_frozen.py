"""Redis hangs longer than every timeout, with unread calls in its sockets."""

from __future__ import annotations

from time import monotonic

from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.redis_scene import SYMBOLS, open_scene

FROZEN_SECONDS = 30.0


def test_frozen_redis_stores_each_event_once_after_waking(stage: Stage) -> None:
    scene = open_scene(stage)
    api, collector = scene.api, scene.collector
    scene.redis.freeze()
    stage.undo(scene.redis.resume)
    thawed = monotonic() + FROZEN_SECONDS

    # Each abandoned call is in a different socket, and Redis executes it, too.
    collector.wait_for_line("redis unavailable, events wait in memory")
    collector.wait_for_line("lease request failed, retrying")
    api.wait_for_line("redis unavailable, streams wait")
    assert api.get("/healthz").status_code == 200
    for path in ("/readyz", "/books", "/symbols", "/depth/BTC%2FUSD"):
        api.answers(path, 503)
    for watch in scene.watches.values():
        watch.wait_for(lambda event: event.get("status") == "stale", "stale")
    assert collector.live() == len(SYMBOLS), "the books go on in memory"
    wait_until(lambda: monotonic() >= thawed, "the time is over")
    assert collector.metric("kraken_book_redis_errors_total") >= 4
    scene.redis.resume()

    collector.wait_for_line("redis available again")
    scene.flow()
    scene.stand_still()
    scene.assert_every_event_once()
