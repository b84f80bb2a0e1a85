"""Cooperation of long work with other tasks."""

from __future__ import annotations

import asyncio
from time import monotonic

from runtime.cooperate import YIELD_INTERVAL, Cooperator


async def count_runs_of_other_task(rounds: int, seconds: float) -> int:
    """Return how often another task runs during `rounds` of work of `seconds` each."""
    cooperator, runs = Cooperator(), 0

    async def other() -> None:
        nonlocal runs
        while True:
            runs += 1
            await asyncio.sleep(0)

    other_task = asyncio.create_task(other())
    for _ in range(rounds):
        until = monotonic() + seconds
        while monotonic() < until:
            pass
        await cooperator.pause()
    other_task.cancel()
    return runs


async def test_pause_after_long_work_runs_other_tasks_each_time() -> None:
    assert await count_runs_of_other_task(5, 1.2 * YIELD_INTERVAL) == 5


async def test_pause_between_short_steps_runs_other_tasks_at_each_interval() -> None:
    assert await count_runs_of_other_task(100, YIELD_INTERVAL / 10) >= 5
