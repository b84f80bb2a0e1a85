"""Start rings, and find where a reader joins one: at the book of the hash, or at the past.

Everything here raises redis.RedisError or OSError if Redis does not answer. What readers ask for at
the same time is read once.
"""

from __future__ import annotations

from functools import cached_property

from api.follow.age_watch import AgeWatch
from api.follow.event_log import render_sse
from api.follow.ring import Ring
from api.follow.ring_feed import RingFeed
from api.store.book_store import BookStore, BookWithAge
from api.store.coalesce import SingleFlight
from api.store.stream_reads import StreamReads
from kraken_book.event import render_snapshot
from kraken_book.position import Position


class JoinPoint:
    """A book at which readers join a ring; rendered once for all who join at it."""

    def __init__(self, book: BookWithAge, position: Position) -> None:
        self.book = book
        self.position = position

    @cached_property
    def sse(self) -> bytes:
        """The snapshot that opens their streams."""
        stored, position = self.book.hash, self.position
        assert stored.snapshot is not None, f"{stored.symbol} has no book"
        data = render_snapshot(stored.snapshot, position.seq, position.epoch, None, None)
        return render_sse(stored.event_id, data)


class JoinPoints:
    """Makes join points from the hashes of books."""

    def __init__(
        self, store: BookStore, reads: StreamReads, feed: RingFeed, ages: AgeWatch
    ) -> None:
        self._store = store
        self._reads = reads
        self._feed = feed
        self._ages = ages
        self._points = SingleFlight(self._read_point)
        self._starting = SingleFlight(self._start_with_past)

    async def find(self, ring: Ring) -> JoinPoint | None:
        """Return the book to join a ring at, None if there is none."""
        return await self._points.get(ring)

    async def reach(self, ring: Ring, point: JoinPoint) -> int | None:
        """Bring a ring to a join point, and return the index after it; None if that is gone."""
        if not ring.started:
            await self.start(ring, point)
        await self._feed.reach(ring, point.position)
        return ring.index_after(point.position)

    async def start(self, ring: Ring, point: JoinPoint) -> None:
        """Start a ring at a book, and bring it to where Redis is now."""
        ring.start(point.position, point.book.hash.event_id)
        self._ages.check(ring)
        # A book may be written later than its events.
        await self._feed.catch_up(ring)

    async def start_with_past(self, ring: Ring) -> None:
        """Start a ring with the newest events of its stream, if there are any.

        So readers that come back together, from a replica that ended, find their events in memory.
        """
        await self._starting.get(ring)

    async def _start_with_past(self, ring: Ring) -> None:
        entries = await self._reads.newest(ring.symbol)
        if entries and not ring.started:
            ring.start(entries[0].position, entries[0].id)
            self._feed.append(ring, entries[1:])
            # The wake of what was written since may have come before the ring was started.
            await self._feed.catch_up(ring)

    async def _read_point(self, ring: Ring) -> JoinPoint | None:
        book = await self._store.book(ring.symbol)
        if book is None or book.position is None:
            return None
        self._ages.note_book(ring, book)
        return JoinPoint(book, book.position)
