"""A service's tasks: work that goes on until the service is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

ASK_AGAIN_SECONDS = 0.1


async def stop_or_failure(stop: asyncio.Event, tasks: Collection[asyncio.Task[Any]]) -> None:
    """Return when `stop` is set, or when one of `tasks` ended, which none does but by failing."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and return when all have ended; raises what one of them failed with.

    Asked more than once: Python 3.11's `asyncio.wait_for`, which redis-py uses, loses a
    cancellation that comes together with its result. So none of `tasks` may be a group of others.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.result()
