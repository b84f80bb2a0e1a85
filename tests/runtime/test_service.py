"""The event loop of a service."""

from __future__ import annotations

import asyncio
import gc

import pytest
from structlog.testing import capture_logs

from runtime.service import pass_over_late_failures


def leave_future_with(error: Exception) -> None:
    """Let a future fail that nobody awaits, and delete it."""
    asyncio.get_running_loop().create_future().set_exception(error)
    gc.collect()


async def test_failure_of_an_attempt_that_was_given_up_is_logged_at_debug_level(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pass_over_late_failures()
    with capture_logs() as logged:
        leave_future_with(OSError(-2, "Name or service not known"))
    assert [(line["event"], line["log_level"]) for line in logged] == [
        ("attempt failed after it was given up", "debug")
    ]
    assert caplog.records == []


async def test_other_failures_that_nobody_awaits_are_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pass_over_late_failures()
    leave_future_with(ValueError("a fault"))
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("asyncio", "ERROR")


async def test_task_that_nobody_awaits_and_that_fails_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pass_over_late_failures()

    async def fail() -> None:
        raise OSError(28, "No space left on device")

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    gc.collect()
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("asyncio", "ERROR")
