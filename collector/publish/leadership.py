"""Whether this collector leads: a state that the publisher, its writers and the lease share."""

from __future__ import annotations

import asyncio
import contextlib

from collector.metrics import EPOCH, LEADING
from kraken_book.symbols import KRAKEN


class Leadership:
    """The epoch of this collector while it leads, and the newest epoch of any leader.

    The lease has the publisher begin and end it. The publisher also ends it by a fence, if Redis
    refuses a write because a newer epoch has written. A fence wakes the lease.

    Args:
        venue: The venue of the books.
        shard: The shard that is led.
    """

    def __init__(self, venue: str = KRAKEN, shard: str = "0/1") -> None:
        self._is_leading_gauge = LEADING.labels(venue, shard)
        # The metric exists from the beginning, so that an alert sees a shard without a leader.
        self._is_leading_gauge.set(0)
        self._epoch: int | None = None
        self._newest_seen = 0
        self._fenced = asyncio.Event()

    @property
    def epoch(self) -> int | None:
        """The epoch of published events; None while this collector does not lead."""
        return self._epoch

    @property
    def is_leading(self) -> bool:
        """Whether this collector publishes."""
        return self._epoch is not None

    @property
    def newest_seen(self) -> int:
        """The newest known epoch of any leader; 0 if none is known."""
        return self._newest_seen

    def see(self, epoch: int) -> None:
        """Record the epoch of a leader."""
        self._newest_seen = max(self._newest_seen, epoch)

    def begin(self, epoch: int) -> None:
        """Lead under `epoch`."""
        self.see(epoch)
        self._set(epoch)

    def end(self) -> None:
        """Stop leading."""
        self._set(None)

    def fence(self, epoch: int) -> None:
        """Stop leading because a newer `epoch` has written."""
        self.see(epoch)
        self._set(None)
        self._fenced.set()

    async def wait_for_fence(self, seconds: float) -> bool:
        """Wait for a fence for up to `seconds`, and forget it.

        Returns:
            Whether a fence came since the last call.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._fenced.wait()
        is_fenced = self._fenced.is_set()
        self._fenced.clear()
        return is_fenced

    def _set(self, epoch: int | None) -> None:
        self._epoch = epoch
        self._is_leading_gauge.set(epoch is not None)
        EPOCH.set(epoch or 0)
