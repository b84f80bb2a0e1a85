"""Counters and histograms without locks say what prometheus_client's own would."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from runtime.fast_counter import Distribution, FastCounter

BUCKETS = (0.001, 0.25, 1, 10)
SEEN = (0.0001, 0.001, 0.0011, 0.25, 0.9, 1, 1, 5.5, 10, 11, 1e6)


@pytest.fixture
def text() -> Iterator[Callable[[Collector], str]]:
    """What Prometheus gets of a collector, which is registered only until the test ends."""
    made: list[Collector] = []

    def told(collector: Collector) -> str:
        made.append(collector)
        alone = CollectorRegistry()
        alone.register(collector)
        return generate_latest(alone).decode()

    yield told
    for collector in made:
        REGISTRY.unregister(collector)


def test_a_distribution_tells_what_a_histogram_tells(text: Callable[[Collector], str]) -> None:
    theirs = CollectorRegistry()
    histogram = Histogram("seen_seconds", "What was seen.", buckets=BUCKETS, registry=theirs)
    distribution = Distribution("seen_seconds", "What was seen.", BUCKETS)
    for amount in SEEN:
        histogram.observe(amount)
        distribution.observe(amount)
    assert text(distribution) == generate_latest(theirs).decode()


def test_a_tally_tells_what_a_counter_tells(text: Callable[[Collector], str]) -> None:
    theirs = CollectorRegistry()
    counter = Counter("seen_total", "What was seen.", registry=theirs)
    tally = FastCounter("seen_total", "What was seen.")
    for each in (counter, tally):
        each.inc()
        each.inc(41)
    assert text(tally) == generate_latest(theirs).decode()


def test_a_tally_with_a_label_counts_each_of_its_values(text: Callable[[Collector], str]) -> None:
    theirs = CollectorRegistry()
    counter = Counter("seen_total", "What was seen.", ["kind"], registry=theirs)
    tally = FastCounter("seen_total", "What was seen.", "kind")
    for kind, amount in (("update", 2), ("snapshot", 1), ("update", 3)):
        counter.labels(kind).inc(amount)
        tally.labels(kind).inc(amount)
    assert text(tally) == generate_latest(theirs).decode()
