"""Tell readers when a book becomes too old, and when it is live again."""

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
        max_age: After how many seconds without a confirmation a book is stale.
    """

    def __init__(self, registry: RingRegistry, max_age: float) -> None:
        self._registry = registry
        self._max_age = max_age

    async def run(self) -> None:
        """Watch the ages for ever, and wake readers that wait for a book."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            for ring in self._registry.rings:
                self.check(ring)
                if ring.waiting:
                    ring.wake()

    def note_book(self, ring: Ring, book: BookWithAge) -> None:
        """Keep when the book was last confirmed, and check its age."""
        if book.age_ms is not None:
            ring.confirmed = monotonic() - book.age_ms / 1000
        elif book.hash.snapshot is not None:
            # No credible time says when, so it counts as never confirmed.
            ring.confirmed = NEVER
        self.check(ring)

    def check(self, ring: Ring) -> None:
        """Tell the readers of a started ring if its book has become too old, or live again."""
        stale = bool(ring.confirmed) and monotonic() - ring.confirmed > self._max_age
        if ring.started and stale != ring.stale:
            sse = status_sse(ring.symbol, *(("stale", "age") if stale else ("live", None)))
            ring.tell_stale(sse, stale=stale)
