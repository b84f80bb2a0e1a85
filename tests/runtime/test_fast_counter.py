"""Counters and histograms without locks export the same as those of prometheus_client."""

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
def export() -> Iterator[Callable[[Collector], str]]:
    """A function that exports one metric as text; it is unregistered after the test."""
    collectors: list[Collector] = []

    def export_alone(collector: Collector) -> str:
        collectors.append(collector)
        registry = CollectorRegistry()
        registry.register(collector)
        return generate_latest(registry).decode()

    yield export_alone
    for collector in collectors:
        REGISTRY.unregister(collector)


def test_distribution_exports_same_as_histogram(export: Callable[[Collector], str]) -> None:
    registry = CollectorRegistry()
    histogram = Histogram("seen_seconds", "Amounts.", buckets=BUCKETS, registry=registry)
    distribution = Distribution("seen_seconds", "Amounts.", BUCKETS)
    for amount in SEEN:
        histogram.observe(amount)
        distribution.observe(amount)
    assert export(distribution) == generate_latest(registry).decode()


def test_fast_counter_exports_same_as_counter(export: Callable[[Collector], str]) -> None:
    registry = CollectorRegistry()
    counter = Counter("seen_total", "Amounts.", registry=registry)
    fast_counter = FastCounter("seen_total", "Amounts.")
    for each in (counter, fast_counter):
        each.inc()
        each.inc(41)
    assert export(fast_counter) == generate_latest(registry).decode()


def test_fast_counter_with_label_exports_same_as_counter(
    export: Callable[[Collector], str],
) -> None:
    registry = CollectorRegistry()
    counter = Counter("seen_total", "Amounts.", ["kind"], registry=registry)
    fast_counter = FastCounter("seen_total", "Amounts.", "kind")
    for kind, amount in (("update", 2), ("snapshot", 1), ("update", 3)):
        counter.labels(kind).inc(amount)
        fast_counter.labels(kind).inc(amount)
    assert export(fast_counter) == generate_latest(registry).decode()
