"""A loop that makes the due updates of the synthetic markets.

It sleeps until the next update is due, because waking up takes 0.1 ms of CPU: at a fixed interval
of 5 ms, that was half of the CPU of a simulator with 150 updates per second (2026-11).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Protocol

from runtime.logs import get_logger
from simulator.market.subscriber import SNAPSHOT_SECONDS

log = get_logger(__name__)

TICK_SECONDS = 0.005
"""The minimum from one round of updates to the next."""
_IDLE_SECONDS = 0.02
"""The maximum, because subscribers wait for snapshots."""
_SLICE_SECONDS = 0.02
"""The maximum of time for updates before the event loop's other tasks run."""
_ARREARS_SECONDS = 1.0
"""The delay from which updates are postponed instead of made at once."""


class Movable(Protocol):
    """The interface of the markets to a ticker."""

    def admit(self, waited: float) -> bool:
        """Send the due snapshots; return whether there are followers and no subscriber waits."""

    def move(self, symbol: str) -> None:
        """Make one update of a market."""


class Ticker:
    """A loop that moves the markets on a schedule, which starts with the first follower.

    Args:
        exchange: The markets.
        schedule: The seconds since the start and the symbol of each move.
        updates: The number of updates after which the markets stop; 0 for no limit.

    """

    def __init__(
        self, exchange: Movable, schedule: Iterator[tuple[float, str]], updates: int
    ) -> None:
        self._exchange = exchange
        self._schedule = schedule
        self._left: int | None = updates or None
        self._next: tuple[float, str] | None = None

    async def run(self) -> None:
        """Run until cancelled; after the last update only send snapshots."""
        while not self._exchange.admit(SNAPSHOT_SECONDS):  # noqa: ASYNC110 - admitting is the work
            await asyncio.sleep(_IDLE_SECONDS)
        start = time.monotonic()
        self._next = next(self._schedule, None)
        log.info("markets started")
        while True:
            start += self._arrears(time.monotonic() - start)
            self._move_due(start)
            await asyncio.sleep(self._pause(time.monotonic() - start))
            self._exchange.admit(SNAPSHOT_SECONDS)

    def _move_due(self, start: float) -> None:
        now = time.monotonic()
        until = now + _SLICE_SECONDS
        while self._next is not None and self._next[0] <= now - start:
            self._exchange.move(self._next[1])
            self._count()
            if time.monotonic() > until:
                return

    def _count(self) -> None:
        self._next = next(self._schedule, None)
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self._next = None
                log.info("markets stopped")

    def _pause(self, elapsed: float) -> float:
        """Return the seconds until the next round of updates."""
        until_due = _IDLE_SECONDS if self._next is None else self._next[0] - elapsed
        return min(max(until_due, TICK_SECONDS), _IDLE_SECONDS)

    def _arrears(self, elapsed: float) -> float:
        """Return the seconds by which to postpone the schedule."""
        if self._next is None or elapsed - self._next[0] < _ARREARS_SECONDS:
            return 0.0
        late = elapsed - self._next[0]
        log.warning("updates late, schedule postponed", seconds=round(late, 3))
        return late
