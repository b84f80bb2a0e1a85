"""Waiting for a state without guessing how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

# Only a failing test waits so long.
DEADLINE_SECONDS = 20.0


async def eventually(look: Callable[[], Any], what: str = "") -> Any:
    """What `look` sees as soon as that is true; fails with `what` after the deadline."""
    deadline = monotonic() + DEADLINE_SECONDS
    while True:
        seen = look()
        if isinstance(seen, Awaitable):
            seen = await seen
        if seen:
            return seen
        assert monotonic() < deadline, f"never saw {what or look}; last saw {seen!r}"
        await asyncio.sleep(0.01)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task and return when it has ended.

    Asked more than once: Python 3.11's `asyncio.wait_for`, which redis-py sends with, loses a
    cancellation that comes together with its result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)
