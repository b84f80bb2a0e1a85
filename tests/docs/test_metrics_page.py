"""docs/metrics.md lists exactly the metrics that the code declares, with their labels."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
from prometheus_client import Counter, Gauge, Histogram

import api.store.metrics
import collector.metrics
import runtime.http.metrics
from lab.process import ROOT
from runtime.fast_counter import Distribution, FastCounter

ROW = re.compile(r"^\| `(kraken_book_\w+)` \|(.*?) \|", re.MULTILINE)
PAGE = (ROOT / "docs" / "metrics.md").read_text()
COLLECTOR_PART, REST = PAGE.split("\n## Api\n")
API_PART, HTTP_PART = REST.split("\n## HTTP connections, of both\n")


def declared(module: ModuleType) -> dict[str, set[str]]:
    """Return the metrics of a module by their names in Prometheus, each with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(module).values():
        if isinstance(metric, FastCounter):
            found[metric.name] = {metric.label} if metric.label else set()
        if isinstance(metric, Distribution):
            found[metric.name] = set()
        # A child with label values has the same class, but no family.
        if isinstance(metric, Counter | Gauge | Histogram) and not metric._labelvalues:
            (family,) = metric.describe()
            suffix = "_total" if isinstance(metric, Counter) else ""
            found[family.name + suffix] = set(metric._labelnames)
    return found


@pytest.mark.parametrize(
    ("module", "part"),
    [
        (collector.metrics, COLLECTOR_PART),
        (api.store.metrics, API_PART),
        (runtime.http.metrics, HTTP_PART),
    ],
)
def test_metrics_page_lists_every_metric(module: ModuleType, part: str) -> None:
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in ROW.findall(part)}
    assert listed == declared(module)
