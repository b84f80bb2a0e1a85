"""Rate limits of log lines."""

from __future__ import annotations

import pytest
from structlog.stdlib import BoundLogger
from structlog.testing import capture_logs

from runtime.limited_log import LimitedLog, LineLimit
from runtime.logs import get_logger


class Clock:
    """A monotonic clock that the test advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log() -> BoundLogger:
    return get_logger("test")


def test_limit_admits_one_line_per_key_in_a_window(clock: Clock) -> None:
    limit = LineLimit(60.0, clock=clock)
    assert [limit.admits("a") for _ in range(5)] == [True, False, False, False, False]
    assert limit.admits("b")
    assert not limit.admits("b")
    assert limit.take_suppressed() == {"a": 4, "b": 1}
    assert limit.take_suppressed() == {}


def test_limit_admits_a_maximum_of_lines_of_all_keys(clock: Clock) -> None:
    limit = LineLimit(60.0, together=3, clock=clock)
    assert [limit.admits(str(i)) for i in range(5)] == [True, True, True, False, False]
    assert limit.take_suppressed().total() == 2


def test_limit_keeps_no_more_keys_than_it_admits(clock: Clock) -> None:
    limit = LineLimit(60.0, together=3, clock=clock)
    for number in range(1000):
        limit.admits(str(number))
    assert len(limit.take_suppressed()) == 1


def test_first_line_after_a_window_begins_the_next(clock: Clock) -> None:
    limit = LineLimit(60.0, lines=2, clock=clock)
    for _ in range(2):
        assert [limit.admits("a") for _ in range(3)] == [True, True, False]
        clock.now += 60
        assert limit.is_over


def test_log_limits_lines_of_each_event(log: BoundLogger, clock: Clock) -> None:
    limited = LimitedLog(log, LineLimit(10.0, lines=3, clock=clock))
    with capture_logs() as written:
        for number in range(1000):
            limited.warning("frame ignored", number=number)
        limited.info("another event")
    assert [line.get("number") for line in written] == [0, 1, 2, None]


def test_log_reports_suppressed_lines_when_the_window_has_ended(
    log: BoundLogger, clock: Clock
) -> None:
    limited = LimitedLog(log, LineLimit(10.0, clock=clock))
    with capture_logs() as written:
        for _ in range(5):
            limited.warning("frame ignored")
        limited.sum_up()
        clock.now += 10
        limited.sum_up()
        limited.warning("frame ignored")
    assert [(line["event"], line.get("count")) for line in written] == [
        ("frame ignored", None),
        ("log lines suppressed", 4),
        ("frame ignored", None),
    ]
