"""Let other tasks run in the middle of long work."""

from __future__ import annotations

import asyncio
from time import monotonic

# A burst has thousands of events in one answer of Redis, and an exchange a thousand books.
TURN_SECONDS = 0.01


class Cooperator:
    """Yields to the event loop every 10 ms, if `pause` is called at least that often."""

    def __init__(self) -> None:
        self._until = monotonic() + TURN_SECONDS

    async def pause(self) -> None:
        """Let other tasks run if it is time."""
        if monotonic() > self._until:
            await asyncio.sleep(0)
            self._until = monotonic() + TURN_SECONDS
