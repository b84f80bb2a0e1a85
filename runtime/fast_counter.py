"""Prometheus counters and histograms without a lock, for changes at every frame or event.

Only one thread, the event loop's, may change them. prometheus_client's own metrics take a lock at
each change.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from time import time

from prometheus_client import REGISTRY, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, Exemplar, HistogramMetricFamily
from prometheus_client.registry import Collector

# `FastCounter` exports no `_created` series, so the other metrics export none either.
disable_created_metrics()  # type: ignore[no-untyped-call]

# The limit of OpenMetrics for the names and values of all labels of an exemplar.
MAX_EXEMPLAR_CHARACTERS = 128


class Count:
    """The count of one label value."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self, amount: int = 1) -> None:
        """Add `amount`."""
        self.value += amount


class FastCounter(Collector):
    """A counter with one label or none."""

    def __init__(self, name: str, documentation: str, label: str | None = None) -> None:
        self.name = name
        self._documentation = documentation
        self.label = label
        self._counts: dict[str, Count] = {}
        self.total = Count()
        """The count without a label; the hottest paths add to its value without a call."""
        REGISTRY.register(self)

    def labels(self, value: str) -> Count:
        """Return the count of a label value."""
        return self._counts.setdefault(value, Count())

    def inc(self, amount: int = 1) -> None:
        """Add `amount` to a counter without labels."""
        self.total.value += amount

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Yield the current values for Prometheus."""
        if self.label is None:
            yield CounterMetricFamily(self.name, self._documentation, self.total.value)
            return
        family = CounterMetricFamily(self.name, self._documentation, labels=[self.label])
        for value, count in self._counts.items():
            family.add_metric([value], count.value)
        yield family


class CallbackCounter(FastCounter):
    """A counter without a label that gets its value from `get_value` at each scrape."""

    def __init__(self, name: str, documentation: str, get_value: Callable[[], int]) -> None:
        self._get_value = get_value
        super().__init__(name, documentation)

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Yield the current value for Prometheus."""
        yield CounterMetricFamily(self.name, self._documentation, self._get_value())


class Distribution(Collector):
    """A histogram.

    Args:
        name: The metric's name.
        documentation: The metric's help text.
        buckets: The upper bounds of all buckets except the last, which is unbounded.
    """

    def __init__(self, name: str, documentation: str, buckets: Sequence[float]) -> None:
        self.name = name
        self._documentation = documentation
        self._bounds = list(buckets)
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        # Of each bucket: symbol, event, amount and time of the last observation of an event.
        self._events: list[tuple[str, str, float, float] | None] = [None] * len(self._counts)
        REGISTRY.register(self)

    def observe(self, amount: float) -> None:
        """Count one observation of `amount`."""
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount

    def observe_event(self, amount: float, symbol: str, event_id: str) -> None:
        """Count one observation of `amount`, and keep the event as its bucket's exemplar."""
        bucket = bisect_left(self._bounds, amount)
        self._counts[bucket] += 1
        self._sum += amount
        self._events[bucket] = (symbol, event_id, amount, time())

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """Yield the current values for Prometheus."""
        names = [*map(str, map(float, self._bounds)), "+Inf"]
        buckets = [
            (name, count, _exemplar(*event)) if event else (name, count)
            for name, count, event in zip(
                names, accumulate(self._counts), self._events, strict=True
            )
        ]
        yield HistogramMetricFamily(self.name, self._documentation, buckets, self._sum)


def event_labels(symbol: str, event_id: str) -> dict[str, str]:
    """Return the labels of an exemplar that names an event, by which the logs can follow it."""
    labels = {"symbol": symbol, "event_id": event_id}
    if sum(len(name) + len(value) for name, value in labels.items()) > MAX_EXEMPLAR_CHARACTERS:
        del labels["symbol"]
    return labels


def _exemplar(symbol: str, event_id: str, amount: float, at: float) -> Exemplar:
    return Exemplar(event_labels(symbol, event_id), amount, at)
