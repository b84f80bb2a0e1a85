"""Troubles of Redis are logged once, within bounds, and listed while they last."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError
from structlog.testing import capture_logs

from collector.metrics import CORRUPT_KEYS
from collector.publish.troubles import MAX_LISTED, Troubles
from tests.collector.publish.boxes import Clock

KEY = "kraken:book:{BTC/USD}"
AWAY = RedisConnectionError("redis has closed the connection")
FULL = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def troubles(clock: Clock) -> Troubles:
    return Troubles(max_lines=3, seconds=60.0, clock=clock)


def count_corrupt(outcome: str) -> float:
    return sum(
        sample.value
        for family in CORRUPT_KEYS.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["outcome"] == outcome
    )


def test_begin_returns_fields_once_until_the_meaning_changes(troubles: Troubles) -> None:
    lines = [troubles.begin("redis", error) for error in [AWAY] * 5 + [FULL] * 5]
    logged = [line for line in lines if line is not None]
    assert [line["reason"] for line in logged] == ["unreachable", "out-of-memory"]
    assert all(line["subject"] == "redis" for line in logged)
    assert all(line["advice"] and line["error"] for line in logged)


def test_end_is_logged_only_after_a_logged_begin(troubles: Troubles) -> None:
    assert not troubles.end("redis")
    assert troubles.begin("redis", AWAY)
    assert troubles.has_lasting
    assert troubles.end("redis")
    assert not troubles.end("redis")
    assert not troubles.has_lasting


def test_dropped_trouble_is_logged_once(troubles: Troubles) -> None:
    troubles.begin("redis", AWAY)
    with capture_logs() as lines:
        troubles.drop("redis")
        troubles.drop("redis")
    assert [line["subject"] for line in lines] == ["redis"]
    assert not troubles.has_lasting


def test_recurring_trouble_has_a_bounded_number_of_lines(troubles: Troubles, clock: Clock) -> None:
    outages = [(troubles.begin("redis", AWAY), troubles.end("redis")) for _ in range(50)]
    assert sum(begun is not None for begun, _ in outages) == 3
    assert sum(ended for _, ended in outages) == 3
    clock.now += 61
    assert troubles.begin("redis", AWAY)


def test_corrupt_key_is_logged_once_with_the_command_that_removes_it(troubles: Troubles) -> None:
    before = count_corrupt("left")
    with capture_logs() as lines:
        for _ in range(5):
            troubles.begin_corrupt(KEY, "is no hash")
    (line,) = lines
    assert (line["log_level"], line["key"], line["wrong"]) == ("error", KEY, "is no hash")
    assert line["repair"] == f"redis-cli DEL '{KEY}'"
    assert count_corrupt("left") == before + 1


def test_usable_key_is_logged_after_a_corrupt_one(troubles: Troubles) -> None:
    with capture_logs() as lines:
        troubles.end(KEY)
        troubles.begin_corrupt(KEY, "is no hash")
        troubles.end(KEY)
    assert [(line["log_level"], line["key"]) for line in lines] == [("error", KEY), ("info", KEY)]


def test_repairs_are_all_counted_and_logged_within_bounds(troubles: Troubles) -> None:
    before = count_corrupt("repaired")
    with capture_logs() as lines:
        for _ in range(10):
            troubles.log_repaired(KEY, "was odd")
    assert len(lines) == 3
    assert count_corrupt("repaired") == before + 10


def test_describe_lists_a_bounded_number_of_lasting_troubles(troubles: Troubles) -> None:
    assert troubles.describe() == {"status": "ok", "troubles": []}
    for number in range(2 * MAX_LISTED):
        troubles.begin(f"S{number}/USD", FULL)
    described: Any = troubles.describe()
    assert described["status"] == "trouble"
    assert len(described["troubles"]) == MAX_LISTED
    assert described["troubles"][0]["reason"] == "out-of-memory"
