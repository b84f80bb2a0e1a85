"""The api's metrics count what its readers received."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab.services import Api
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis

SYMBOL = "BTC/USD"
# More events than a replica reads from Redis when a symbol gets its first reader.
LONG_AGO = 1500


@dataclass
class Scene:
    """A replica without readers, and a book that moves."""

    api: Api
    streams: StoredBooks


@pytest.fixture(scope="module")
def redis(module_stage: Stage) -> EmbeddedRedis:
    """Start Redis and a collector that writes the moving book to it."""
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", SYMBOL, "--rate", "800")
    module_stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL, STREAM_MAXLEN="1000000")
    return redis


@pytest.fixture
def scene(redis: EmbeddedRedis, stage: Stage) -> Iterator[Scene]:
    api = stage.api(redis.url)
    api.wait_until_live(SYMBOL)
    streams = StoredBooks(redis.url)
    yield Scene(api, streams)
    streams.close()


def read(stream: SseStream, count: int) -> int:
    """Read at least `count` events; return the bytes of their data."""
    events = size = 0
    for message in stream.messages():
        events += bool(message.data)
        size += sum(len(data) for data in message.data)
        if events >= count:
            break
    return size


def test_api_metrics_count_streams_readers_events_bytes_and_writes(scene: Scene) -> None:
    api = scene.api
    with api.stream(SYMBOL) as one, api.stream(SYMBOL) as two:
        size = read(one, 300) + read(two, 300)
        assert api.metric("kraken_book_readers") == 2
        assert api.metric("kraken_book_followed_symbols") == 1
        assert api.metric("kraken_book_streams_total") == 2
        assert api.metric("kraken_book_stream_events_total") >= 600
        assert api.metric("kraken_book_stream_bytes_total") > size
        assert api.metric("kraken_book_stream_writes_total") >= 4
    wait_until(lambda: api.metric("kraken_book_readers") == 0, "both readers are gone")
    # Two readers began together; bytes that one has not read yet were written as well.
    written = api.metric("kraken_book_stream_events_total")
    assert written <= 2 * (api.metric("kraken_book_events_read_total") + 1)
    assert api.metric("kraken_book_streams_total") == 2


def test_event_delay_is_measured_on_some_writes(scene: Scene) -> None:
    name = "kraken_book_delivery_seconds"
    with scene.api.stream(SYMBOL) as stream:

        def measured() -> bool:
            read(stream, 50)
            return scene.api.metric(f"{name}_count") >= 2

        wait_until(measured, "two writes are measured")
    text = scene.api.get("/metrics").text
    assert f"# TYPE {name} histogram" in text
    assert scene.api.metric(f"{name}_bucket", le="30.0") == scene.api.metric(f"{name}_count")
    assert 0 < scene.api.metric(f"{name}_sum") < 30 * scene.api.metric(f"{name}_count")


@pytest.mark.parametrize("source", ["ring", "stream", "nothing"])
def test_resume_sources_are_counted(scene: Scene, source: str) -> None:
    scene.streams.wait_for_seq(SYMBOL, LONG_AGO)
    first, last = scene.streams.first_id(SYMBOL), scene.streams.last_id(SYMBOL)
    given = {"ring": last, "stream": first, "nothing": "1-1"}[source]
    with scene.api.stream(SYMBOL, Last_Event_ID=given) as stream:
        _, event = next(stream.events())
    assert (event["kind"] == "lagged") == (source == "nothing")
    counts = {
        each: scene.api.metric("kraken_book_resumed_total", **{"from": each})
        for each in ("ring", "stream", "nothing")
    }
    assert counts == {"ring": 0, "stream": 0, "nothing": 0, source: 1}
    lagged = scene.api.metric("kraken_book_lagged_total", reason="unknown")
    assert lagged == (source == "nothing")
