"""Start rings, and find the index at which a reader joins one.

A reader joins at the book of the hash, or resumes after an earlier event. Concurrent readers share
the reads. Coroutines raise redis.RedisError or OSError if Redis does not answer.
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
    """A book at which readers join a ring, rendered once for all of them."""

    def __init__(self, book: BookWithAge, position: Position) -> None:
        self.book = book
        self.position = position

    @cached_property
    def sse(self) -> bytes:
        """Return the snapshot that opens a stream, as SSE."""
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
        """Return the book in Redis at which a reader joins a ring, None if there is none."""
        return await self._points.get(ring)

    async def reach(self, ring: Ring, point: JoinPoint) -> int | None:
        """Feed a ring up to a join point.

        Returns:
            The index after the join point, None if events after it are gone.
        """
        if not ring.is_started:
            await self.start(ring, point)
        await self._feed.reach(ring, point.position)
        return ring.index_after(point.position)

    async def start(self, ring: Ring, point: JoinPoint) -> None:
        """Start a ring at a book, and feed it up to the end of its stream."""
        ring.start(point.position, point.book.hash.event_id)
        self._ages.check(ring)
        # A status event is written without the book, so the stream may be ahead of the hash.
        await self._feed.catch_up(ring)

    async def start_with_past(self, ring: Ring) -> None:
        """Start a ring with the newest events of its stream, if there are any.

        Readers that resume together, after another replica stopped, find their events in memory.
        """
        await self._starting.get(ring)

    async def _start_with_past(self, ring: Ring) -> None:
        entries = await self._reads.newest(ring.symbol)
        if entries and not ring.is_started:
            ring.start(entries[0].position, entries[0].id)
            self._feed.append(ring, entries[1:])
            # A wake for later events may have come before the ring was started.
            await self._feed.catch_up(ring)

    async def _read_point(self, ring: Ring) -> JoinPoint | None:
        book = await self._store.book(ring.symbol)
        if book is None or book.position is None:
            return None
        self._ages.note_book(ring, book)
        return JoinPoint(book, book.position)
