"""The suite `redis_replica` works; it fails if the reader of an api misses an event."""

from __future__ import annotations

import pytest

from bench.suite import Progress
from bench.suites import redis_replica

pytestmark = pytest.mark.process


def test_redis_replica_measures_api_that_reads_every_event() -> None:
    assert list(redis_replica.measure(0.02, Progress(lambda _what, _share: None)))
