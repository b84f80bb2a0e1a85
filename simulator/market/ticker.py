"""The clock of the synthetic markets, which makes the due updates every few milliseconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Protocol

from runtime.logs import get_logger
from simulator.protocol.feed import SNAPSHOT_SECONDS

log = get_logger(__name__)

TICK_SECONDS = 0.005
_SLICE_SECONDS = 0.02
"""The time for updates before the loop's other tasks run."""
_ARREARS_SECONDS = 1.0
"""Updates that are later than this are postponed, not caught up on."""


class Movable(Protocol):
    """The markets that a ticker moves."""

    def admit(self, waited: float) -> bool:
        """Send the due snapshots; return whether there are followers and all have theirs."""

    def move(self, symbol: str) -> None:
        """Make one update of a market."""


class Ticker:
    """Moves the markets by a schedule, which starts with the first follower.

    Args:
        exchange: The markets.
        schedule: The moves as seconds since the start and symbol.
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
        """Run until cancelled; once the markets stop, only admit."""
        while not self._exchange.admit(SNAPSHOT_SECONDS):  # noqa: ASYNC110 - admitting is the work
            await asyncio.sleep(TICK_SECONDS)
        start = time.monotonic()
        self._next = next(self._schedule, None)
        log.info("markets move")
        while True:
            start += self._arrears(time.monotonic() - start)
            self._move_due(start)
            await asyncio.sleep(TICK_SECONDS)
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
                log.info("markets stand still: all updates are made")

    def _arrears(self, elapsed: float) -> float:
        """Return the seconds by which to postpone the schedule."""
        if self._next is None or elapsed - self._next[0] < _ARREARS_SECONDS:
            return 0.0
        late = elapsed - self._next[0]
        log.warning("too slow for the rate: updates are put off", seconds=round(late, 3))
        return late
