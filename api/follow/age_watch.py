"""Append a status to a ring when its book becomes stale, and when it is live again."""

from __future__ import annotations

import asyncio
from time import monotonic

from api.follow.api_events import status_sse
from api.follow.ring import Ring
from api.follow.ring_registry import RingRegistry
from api.store.book_store import BookWithAge

WATCH_INTERVAL = 1.0
NEVER = float("-inf")


class AgeWatch:
    """Watches the ages of all followed books.

    Args:
        registry: The rings of the followed books.
        max_age: Seconds without a confirmation after which a book is stale.
    """

    def __init__(self, registry: RingRegistry, max_age: float) -> None:
        self._registry = registry
        self._max_age = max_age

    async def run(self) -> None:
        """Check all ages every second, and wake readers that wait for a book; never return."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            for ring in self._registry.rings:
                self.check(ring)
                if ring.waiting:
                    ring.wake()

    def note_book(self, ring: Ring, book: BookWithAge) -> None:
        """Store the time of the book's last confirmation in its ring, and check its age."""
        if book.age_ms is not None:
            ring.confirmed = monotonic() - book.age_ms / 1000
        elif book.hash.snapshot is not None:
            # Without a credible time the book counts as never confirmed.
            ring.confirmed = NEVER
        self.check(ring)

    def check(self, ring: Ring) -> None:
        """Append a status to a started ring if its book has become stale or live again."""
        if not ring.is_started or not ring.confirmed:
            return
        stale = monotonic() - ring.confirmed > self._max_age
        if stale != ring.is_stale:
            sse = status_sse(ring.symbol, *(("stale", "age") if stale else ("live", None)))
            ring.set_stale(sse, stale=stale)
