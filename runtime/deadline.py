"""A timer for deadlines that are set often and seldom pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `on_passed` when a deadline passes that was neither cleared nor moved.

    `asyncio.timeout` creates a timer of the event loop for each use and cancels it again. Here a
    pending timer stays when the deadline is cleared or moved later. When it is due, it is set again
    for the rest of the time. So a deadline that is set for each call to Redis costs one timer in
    each timeout, not one a call.

    Args:
        on_passed: Called in the event loop when the deadline passes.
        loop: The event loop; the running one by default.
    """

    def __init__(
        self, on_passed: Callable[[], None], loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self._on_passed = on_passed
        self._loop = loop or asyncio.get_running_loop()
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, seconds: float) -> None:
        """Let the deadline pass after `seconds`, in place of an earlier one."""
        at = self._at = self._loop.time() + seconds
        if self._timer is None or at < self._timer_at:
            self._start(at)

    def clear(self) -> None:
        """Let no deadline pass, until one is set."""
        self._at = None

    def close(self) -> None:
        """Clear the deadline, and cancel the timer."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._at > self._loop.time():
            self._start(self._at)
        else:
            self._at = None
            self._on_passed()
