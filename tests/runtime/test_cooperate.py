"""Long work lets others have their turn, and short work goes on by itself."""

from __future__ import annotations

import asyncio
from time import monotonic

from runtime.cooperate import YIELD_INTERVAL, Cooperator


async def others_turns(rounds: int, seconds: float) -> int:
    """How often another had its turn during so many rounds of such work."""
    cooperator, had = Cooperator(), 0

    async def other() -> None:
        nonlocal had
        while True:
            had += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    for _ in range(rounds):
        until = monotonic() + seconds
        while monotonic() < until:
            pass
        await cooperator.pause()
    waiting.cancel()
    return had


async def test_each_time_that_work_took_too_long_others_have_a_turn() -> None:
    assert await others_turns(5, 1.2 * YIELD_INTERVAL) == 5


async def test_in_many_short_steps_others_have_turns_too() -> None:
    assert await others_turns(100, YIELD_INTERVAL / 10) >= 5
