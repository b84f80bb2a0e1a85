"""Wait for a state with a deadline, instead of sleeping for a guessed time.

`wait_until` waits for a condition, `wait_for` for a value. `async_wait_until` and `async_wait_for`
do the same without blocking the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, TypeVar

DEADLINE = 80.0
"""Seconds until a wait fails: enough for two cores that other work shares."""
FIRST_PAUSE = 0.01
MAX_PAUSE = 0.1
PAUSE_GROWTH = 1.3
"""The factor from pause to pause: a check often costs another process CPU time."""

T = TypeVar("T")


def wait_until(
    condition: Callable[[], object], message: str = "", deadline: float = DEADLINE
) -> None:
    """Wait until the condition is true; fail with AssertionError after the deadline.

    Args:
        condition: Called repeatedly; an error that it raises ends the wait.
        message: The awaited state, for the error.
        deadline: Seconds until the wait fails.

    """
    wait_for(condition, message, deadline)


def wait_for(produce: Callable[[], T | None], message: str = "", deadline: float = DEADLINE) -> T:
    """Return the first truthy value of `produce`; arguments and errors as in `wait_until`."""
    pauses = _Pauses(produce, message, deadline)
    while not (value := produce()):
        time.sleep(pauses.next(value))
    return value


async def async_wait_until(
    condition: Callable[[], object], message: str = "", deadline: float = DEADLINE
) -> None:
    """Wait until the condition is true; it may be a coroutine function."""
    await async_wait_for(condition, message, deadline)


async def async_wait_for(
    produce: Callable[[], Any], message: str = "", deadline: float = DEADLINE
) -> Any:
    """Return the first truthy value of `produce`, which may be a coroutine function."""
    # A check in the own event loop costs no other process CPU time, so the pauses stay short.
    pauses = _Pauses(produce, message, deadline, growth=1.0)
    while True:
        value = produce()
        if isawaitable(value):
            value = await value
        if value:
            return value
        await asyncio.sleep(pauses.next(value))


async def cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has ended.

    The task is cancelled repeatedly, because Python 3.11's `asyncio.wait_for`, which redis-py uses,
    loses a cancellation that arrives together with its result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)


class _Pauses:
    """The pauses between two checks, until the deadline."""

    def __init__(
        self, check: object, message: str, deadline: float, growth: float = PAUSE_GROWTH
    ) -> None:
        self._message = message or str(check)
        self._deadline = deadline
        self._ends_at = time.monotonic() + deadline
        self._pause = FIRST_PAUSE
        self._growth = growth

    def next(self, last: object) -> float:
        """Return the next pause in seconds; fail with AssertionError after the deadline."""
        assert time.monotonic() < self._ends_at, (
            f"not within {self._deadline:g} s: {self._message}; last: {last!r}"
        )
        pause, self._pause = self._pause, min(self._pause * self._growth, MAX_PAUSE)
        return pause
