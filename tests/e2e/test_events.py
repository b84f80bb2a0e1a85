"""/events has the events that a reader of the stream got, while new ones come and old ones go."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec

from kraken_book import Lagged, PastEvent, iter_events
from lab.paged_events import PagedEvents
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_for, wait_until

SYMBOL = "BTC/USD"
# About a second of events.
KEPT = 500
EVENTS = 1000


def assert_same_events(found: list[PastEvent], streamed: dict[str | None, dict[str, Any]]) -> None:
    """Assert that these are consecutive events of the stream, except after a `Lagged`.

    Args:
        found: What the client got after its first event was trimmed.
        streamed: The events of the stream by id.
    """
    assert found[0].event == Lagged(SYMBOL, None, "trimmed")
    assert len(found) > KEPT // 2
    for last, past in pairwise(found):
        if isinstance(past.event, Lagged):
            continue
        assert json.loads(msgspec.json.encode(past.event)) == streamed[past.id]
        if not isinstance(last.event, Lagged):
            assert past.event.seq == (last.event.seq or 0) + 1


def test_pages_have_each_event_of_the_stream_while_old_ones_are_trimmed(stage: Stage) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", SYMBOL, "--rate", "600")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, STREAM_MAXLEN=str(KEPT))
    api = stage.api(redis.url)
    api.wait_until_live(SYMBOL)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    watch = api.watch(SYMBOL)
    stage.undo(watch.leave)
    opening = wait_for(lambda: next(iter(watch.ids), None), "the stream opens")

    readers = [
        PagedEvents(api.http, SYMBOL, f"after={opening}&limit=1000"),
        PagedEvents(api.http, SYMBOL, f"after={opening}&limit=70&format=ndjson"),
    ]
    for count in range(100, EVENTS + 1, 100):
        for reader in readers:
            reader.read_until(count)
    late = readers[0]
    last_seq = late.events[-1]["seq"]

    def is_trimmed() -> bool:
        first_seq = int(streams.first_id(SYMBOL).partition("-")[2])
        return first_seq > int(last_seq) + 1

    wait_until(is_trimmed, "the next events of the first reader are trimmed")
    before = len(late.ids)
    late.read_until(before + 100)
    assert before in late.gaps
    by_client = list(iter_events(api.url, SYMBOL, after=opening, limit=70))

    for reader in readers:
        watch.wait_for_seq(reader.events[-1]["seq"])
        watch.check()
        reader.assert_same(watch.ids, watch.events)
    assert watch.ladder.counts.lagged == 0
    assert_same_events(by_client, dict(zip(watch.ids, watch.events, strict=True)))

    redis.kill()
    assert api.answers(f"/events/{SYMBOL}", 503).json()["type"] == "urn:kraken-book:redis-away"
