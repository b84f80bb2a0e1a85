"""Let other tasks run during long work."""

from __future__ import annotations

import asyncio
from time import monotonic

# One reply of Redis may contain thousands of events, and one exchange has a thousand books.
YIELD_INTERVAL = 0.01


class Cooperator:
    """Yields to the event loop every 10 ms, if `pause` is called at least that often."""

    def __init__(self) -> None:
        self._until = monotonic() + YIELD_INTERVAL

    async def pause(self) -> None:
        """Yield to the event loop if 10 ms have passed since the last time."""
        if monotonic() > self._until:
            await asyncio.sleep(0)
            self._until = monotonic() + YIELD_INTERVAL
