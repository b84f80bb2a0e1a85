"""Troubles of Redis are said once, within bounds, and listed while they last."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError
from structlog.testing import capture_logs

from collector.metrics import CORRUPT_KEYS
from collector.publish.troubles import MAX_LISTED, Troubles

KEY = "kraken:book:{BTC/USD}"
AWAY = RedisConnectionError("redis has closed the connection")
FULL = OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")


class Clock:
    """Steady time that passes by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def troubles(clock: Clock) -> Troubles:
    return Troubles(max_lines=3, seconds=60.0, clock=clock)


def counted(outcome: str) -> float:
    return sum(
        sample.value
        for family in CORRUPT_KEYS.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["outcome"] == outcome
    )


def events(lines: Any) -> list[str]:
    return [line["event"] for line in lines]


def test_trouble_is_said_once_until_its_meaning_changes(troubles: Troubles) -> None:
    with capture_logs() as lines:
        for _ in range(5):
            troubles.say("redis", "no writes", AWAY)
        for _ in range(5):
            troubles.say("redis", "no writes", FULL)
    assert [line["reason"] for line in lines] == ["unreachable", "out-of-memory"]
    assert all(line["advice"] and line["error"] for line in lines)


def test_end_is_said_only_of_what_was_said(troubles: Troubles) -> None:
    with capture_logs() as lines:
        troubles.over("redis", "back")
        troubles.say("redis", "no writes", AWAY)
        troubles.over("redis", "back")
        troubles.over("redis", "back")
    assert events(lines) == ["no writes", "back"]
    assert not troubles.lasting


def test_what_comes_and_goes_has_a_bounded_number_of_lines(
    troubles: Troubles, clock: Clock
) -> None:
    with capture_logs() as lines:
        for _ in range(50):
            troubles.say("redis", "no writes", AWAY)
            troubles.over("redis", "back")
    assert events(lines).count("no writes") == events(lines).count("back") == 3
    clock.now += 61
    with capture_logs() as lines:
        troubles.say("redis", "no writes", AWAY)
    assert events(lines) == ["no writes"]


def test_corrupt_key_is_said_with_the_command_that_removes_it(troubles: Troubles) -> None:
    before = counted("left")
    with capture_logs() as lines:
        for _ in range(5):
            troubles.say_corrupt(KEY, "is no hash")
    (line,) = lines
    assert (line["log_level"], line["key"], line["wrong"]) == ("error", KEY, "is no hash")
    assert line["repair"] == f"redis-cli DEL '{KEY}'"
    assert counted("left") == before + 1


def test_repairs_are_counted_each_and_said_within_bounds(troubles: Troubles) -> None:
    before = counted("repaired")
    with capture_logs() as lines:
        for _ in range(10):
            troubles.say_repaired(KEY, "was odd")
    assert len(lines) == 3
    assert counted("repaired") == before + 10


def test_healthz_lists_what_lasts_and_not_without_end(troubles: Troubles) -> None:
    assert troubles.describe() == {"status": "ok", "troubles": []}
    for number in range(2 * MAX_LISTED):
        troubles.say(f"S{number}/USD", "no writes", FULL)
    described: Any = troubles.describe()
    assert described["status"] == "trouble"
    assert len(described["troubles"]) == MAX_LISTED
    assert described["troubles"][0]["reason"] == "out-of-memory"
