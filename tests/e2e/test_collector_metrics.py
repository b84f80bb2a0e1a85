"""Each of the collector's metrics changes when the counted thing happens."""

from __future__ import annotations

from time import monotonic

from prometheus_client.parser import text_string_to_metric_families

from lab.ports import free_port
from lab.services import Collector
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_for, wait_until

SYMBOL = "BTC/USD"
LEASE = "kraken:lease:{0/1}"
# Kraken lists none of these. They reserve queue space, so each symbol gets the minimum.
UNKNOWN = [f"NONE{number}/USD" for number in range(200)]
MIN_ROOM = 512


def figure(collector: Collector, name: str, **labels: str) -> float:
    return collector.metric(f"kraken_book_{name}", **labels)


def wait_until_more(collector: Collector, name: str, than: float, **labels: str) -> float:
    """Return the first value of the metric above a bound."""
    return wait_for(
        lambda: found if (found := figure(collector, name, **labels)) > than else None,
        f"{name} {labels} is more than {than:g}",
    )


def slower_than(collector: Collector, seconds: str) -> float:
    """Return how many writes took longer than `seconds`, which is a bound of the histogram."""
    # Both samples are from one response, because the counts grow.
    buckets = {
        sample.labels["le"]: sample.value
        for family in text_string_to_metric_families(collector.get("/metrics").text)
        for sample in family.samples
        if sample.name == "kraken_book_publish_lag_seconds_bucket"
    }
    return buckets["+Inf"] - buckets[seconds]


def followed(stage: Stage, redis_url: str, rate: int, *others: str) -> Collector:
    """Start a collector that publishes a moving book."""
    simulator = stage.simulator("--symbols", SYMBOL, "--rate", str(rate))
    symbols = ",".join([SYMBOL, *others])
    collector = stage.collector(
        redis_url, simulator.url, KRAKEN_SYMBOLS=symbols, COLLECTOR_LEASE="1"
    )
    collector.wait_until_live(1)
    wait_until_more(collector, "published_events_total", 20)
    return collector


def test_hung_redis_shows_in_waiting_events_and_lag(stage: Stage) -> None:
    redis = stage.redis()
    collector = followed(stage, redis.url, 300)
    lags = figure(collector, "publish_lag_seconds_count")
    flushes = figure(collector, "flush_seconds_count")
    assert lags > 0
    assert flushes > 0
    slow = slower_than(collector, "1.0")

    redis.freeze()
    waiting = wait_until_more(collector, "waiting_events", 50)
    seen_at = monotonic()
    wait_until_more(collector, "waiting_events", waiting + 50)
    wait_until(lambda: monotonic() - seen_at > 1, "the events have waited for a second")
    published = figure(collector, "published_events_total")
    redis.resume()

    wait_until_more(collector, "published_events_total", published + waiting)
    assert slower_than(collector, "1.0") > slow
    assert slower_than(collector, "30.0") == 0
    wait_until(lambda: figure(collector, "waiting_events") == 0, "no event waits")
    wait_until_more(collector, "flush_seconds_count", flushes)
    assert figure(collector, "conflated_events_total") == 0
    # A write is measured once, however many events it carries.
    counted = figure(collector, "publish_lag_seconds_count")
    assert lags < counted < figure(collector, "published_events_total")


def test_conflated_events_are_counted(stage: Stage) -> None:
    redis = stage.redis()
    collector = followed(stage, redis.url, 2000, *UNKNOWN)
    wait_until(lambda: collector.live() == 1, "the book is live")
    verified = figure(collector, "verified_total", kind="update")
    redis.freeze()
    # When the queue is full, one snapshot replaces all waiting events.
    wait_until_more(collector, "verified_total", verified + 2 * MIN_ROOM, kind="update")
    assert figure(collector, "waiting_events") <= MIN_ROOM
    redis.resume()
    conflated = wait_until_more(collector, "conflated_events_total", MIN_ROOM - 1)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    streams.wait_for_seq(SYMBOL, streams.last_seq(SYMBOL) + 5)
    assert streams.ladder(SYMBOL).counts.conflated >= conflated


def test_failed_calls_and_refused_writes_are_counted(
    stage: Stage,
) -> None:
    redis = stage.redis(port=free_port())
    collector = followed(stage, redis.url, 300)
    assert figure(collector, "redis_errors_total") == 0
    assert figure(collector, "write_refusals_total") == 0
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    streams.client.delete(f"kraken:book:{{{SYMBOL}}}", f"kraken:events:{{{SYMBOL}}}")
    wait_until_more(collector, "write_refusals_total", 0, word="GAP")

    redis.kill()
    wait_until_more(collector, "redis_errors_total", 2)
    wait_until_more(collector, "waiting_events", 50)
    redis.start()
    published = figure(collector, "published_events_total")
    wait_until_more(collector, "published_events_total", published)
    wait_until(lambda: figure(collector, "waiting_events") == 0, "no event waits")
    assert figure(collector, "write_refusals_total", word="FENCED") == 0


def test_leadership_and_epoch_are_in_metrics(stage: Stage) -> None:
    redis = stage.redis()
    collector = followed(stage, redis.url, 300)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    epoch = int(str(streams.client.get(LEASE)).split()[0])
    assert figure(collector, "leading") == 1
    assert figure(collector, "epoch") == epoch

    streams.client.set(LEASE, f"{epoch + 1} another", px=60_000)
    wait_until(lambda: figure(collector, "leading") == 0, "the collector does not lead any more")
    assert figure(collector, "epoch") == 0
    assert figure(collector, "waiting_events") == 0
    leader = collector.get("/healthz").json()["waits_for"]
    assert leader == {"shard": "0/1", "leader": "another"}

    streams.client.delete(LEASE)
    wait_until_more(collector, "epoch", epoch + 1)
    assert figure(collector, "leading") == 1
    assert collector.get("/healthz").json()["waits_for"] is None
