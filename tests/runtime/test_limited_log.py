"""Lines that others can have repeated without end."""

from __future__ import annotations

import pytest
from structlog.stdlib import BoundLogger
from structlog.testing import capture_logs

from runtime.limited_log import LimitedLog
from runtime.logs import get_logger


@pytest.fixture
def log() -> BoundLogger:
    return get_logger("test")


def test_only_so_many_lines_of_one_event_are_written(log: BoundLogger) -> None:
    limited = LimitedLog(log, seconds=1000, lines=3)
    with capture_logs() as written:
        for number in range(1000):
            limited.warning("nonsense came", number=number)
        limited.info("another event")
    assert [line.get("number") for line in written] == [0, 1, 2, None]


def test_lines_that_were_left_out_are_counted_later(log: BoundLogger) -> None:
    limited = LimitedLog(log, seconds=1000, lines=1)
    with capture_logs() as written:
        for _ in range(5):
            limited.warning("nonsense came")
        limited.sum_up(now=1e12)
        limited.warning("nonsense came")
    assert [(line["event"], line.get("count")) for line in written] == [
        ("nonsense came", None),
        ("log lines left out", 4),
        ("nonsense came", None),
    ]
