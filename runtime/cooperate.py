"""Turns for the rest of the process in the middle of long work."""

from __future__ import annotations

import asyncio
from time import monotonic

# A burst has thousands of events in one answer of Redis, and an exchange a thousand books.
TURN_SECONDS = 0.01


class Turns:
    """Lets the loop turn every 10 ms, where it is asked at least so often."""

    def __init__(self) -> None:
        self._until = monotonic() + TURN_SECONDS

    async def give(self) -> None:
        """Let the loop turn, if it is time."""
        if monotonic() > self._until:
            await asyncio.sleep(0)
            self._until = monotonic() + TURN_SECONDS
