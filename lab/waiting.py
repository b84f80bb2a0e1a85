"""Wait for a state instead of sleeping for a guessed time.

`wait_until` returns when a condition is true, `wait_for` returns the first value that is true.
`async_wait_until` and `async_wait_for` do the same without blocking the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, TypeVar

# Long enough for two cores that others use too. A test that passes never waits so long.
DEADLINE = 40.0
# Frequent at first. Then rarer, if each look costs another process; a look from an event loop
# costs its own.
FIRST_PAUSE = 0.01
MAX_PAUSE = 0.1
PAUSE_GROWTH = 1.3

T = TypeVar("T")


def wait_until(
    condition: Callable[[], object], message: str = "", deadline: float = DEADLINE
) -> None:
    """Return when the condition is true.

    Args:
        condition: Called again and again; it may raise to end the wait.
        message: What is waited for, for the error.
        deadline: Seconds until the wait fails.

    Raises:
        AssertionError: If the condition is not true within the deadline.

    """
    wait_for(condition, message, deadline)


def wait_for(produce: Callable[[], T | None], message: str = "", deadline: float = DEADLINE) -> T:
    """Return the first value of `produce` that is true; arguments and errors as `wait_until`."""
    pauses = _Pauses(produce, message, deadline)
    while not (value := produce()):
        time.sleep(pauses.next(value))
    return value


async def async_wait_until(
    condition: Callable[[], object], message: str = "", deadline: float = DEADLINE
) -> None:
    """Return when the condition is true; it may be a coroutine function."""
    await async_wait_for(condition, message, deadline)


async def async_wait_for(
    produce: Callable[[], Any], message: str = "", deadline: float = DEADLINE
) -> Any:
    """Return the first value of `produce` that is true; it may be a coroutine function."""
    pauses = _Pauses(produce, message, deadline, growth=1.0)
    while True:
        value = produce()
        if isawaitable(value):
            value = await value
        if value:
            return value
        await asyncio.sleep(pauses.next(value))


async def cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task and return when it has ended.

    It is cancelled more than once: Python 3.11's `asyncio.wait_for`, which redis-py sends with,
    loses a cancellation that comes together with its result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)


class _Pauses:
    """The pauses between two looks, until the deadline."""

    def __init__(
        self, look: object, message: str, deadline: float, growth: float = PAUSE_GROWTH
    ) -> None:
        self._message = message or str(look)
        self._deadline = deadline
        self._ends_at = time.monotonic() + deadline
        self._pause = FIRST_PAUSE
        self._growth = growth

    def next(self, last: object) -> float:
        """Return the next pause in seconds; raise AssertionError after the deadline."""
        assert time.monotonic() < self._ends_at, (
            f"not within {self._deadline:g} s: {self._message}; last: {last!r}"
        )
        pause, self._pause = self._pause, min(self._pause * self._growth, MAX_PAUSE)
        return pause
