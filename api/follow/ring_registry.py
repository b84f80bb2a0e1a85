"""Keep the rings of this process: one for each symbol that has readers."""

from __future__ import annotations

import asyncio
from collections.abc import ValuesView

from api.follow.buffer import Buffer
from api.follow.event_log import MAX_EVENTS
from api.follow.ring import Ring
from api.store.metrics import FOLLOWED
from kraken_book.symbols import venue_of


class RingRegistry:
    """Creates a ring for the first reader of a symbol, and closes it after the last.

    Args:
        buffer: The buffer of the process.
        capacity: The least number of events that each ring keeps, if the buffer allows.
    """

    def __init__(self, buffer: Buffer, capacity: int = MAX_EVENTS) -> None:
        self._buffer = buffer
        self._capacity = capacity
        self._rings: dict[str, Ring] = {}
        self._by_venue: dict[str, dict[str, Ring]] = {}
        self.venue_joined = asyncio.Event()
        """Set when a venue gets its first ring; the receiver clears it."""

    def __len__(self) -> int:
        return len(self._rings)

    @property
    def rings(self) -> ValuesView[Ring]:
        """Return the rings that have readers."""
        return self._rings.values()

    @property
    def venues(self) -> list[str]:
        """Return the venues that have rings."""
        return [venue for venue, rings in self._by_venue.items() if rings]

    def of(self, venue: str) -> ValuesView[Ring]:
        """Return the rings of a venue: a view, which has those that are opened later too."""
        return self._by_venue.setdefault(venue, {}).values()

    def follow(self, symbol: str) -> Ring:
        """Return the ring of `symbol`; call `unfollow` when the reader leaves."""
        ring = self._rings.get(symbol)
        if ring is None:
            ring = self._rings[symbol] = Ring(symbol, self._buffer, self._capacity)
            of_venue = self._by_venue.setdefault(venue_of(symbol), {})
            if not of_venue:
                self.venue_joined.set()
            of_venue[symbol] = ring
            FOLLOWED.set(len(self._rings))
        ring.readers += 1
        return ring

    def unfollow(self, ring: Ring) -> None:
        """Count one reader less, and close the ring after the last."""
        ring.readers -= 1
        if not ring.readers and self._rings.get(ring.symbol) is ring:
            del self._rings[ring.symbol]
            del self._by_venue[venue_of(ring.symbol)][ring.symbol]
            ring.close()
            FOLLOWED.set(len(self._rings))
