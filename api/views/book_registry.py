"""Keep the books that channels of this process show, each rebuilt once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from redis.exceptions import RedisError

from api.follow.age_watch import AgeWatch
from api.follow.buffer import Buffer
from api.follow.ring_feed import RingFeed
from api.follow.ring_registry import RingRegistry
from api.store.book_store import BookStore, BookWithAge
from api.store.stream_reads import StreamReads
from api.views.followed_book import FollowedBook
from runtime.cooperate import Cooperator

JOIN_ATTEMPTS = 5
JOIN_INTERVAL = 0.5


class BookRegistry:
    """Creates a book for its first channel, closes it after the last, and rejoins lost books."""

    def __init__(
        self,
        registry: RingRegistry,
        feed: RingFeed,
        ages: AgeWatch,
        store: BookStore,
        reads: StreamReads,
        buffer: Buffer | None = None,
    ) -> None:
        self._registry = registry
        self._feed = feed
        self._ages = ages
        self._buffer = Buffer() if buffer is None else buffer
        self._store = store
        self._reads = reads
        self._books: dict[str, FollowedBook] = {}
        self._joining = asyncio.Lock()

    def follow(self, symbol: str) -> FollowedBook:
        """Return the book of `symbol`; call `unfollow` when the channel stops showing it."""
        followed = self._books.get(symbol)
        if followed is None:
            followed = self._books[symbol] = FollowedBook(
                self._registry.follow(symbol), self._buffer
            )
        followed.readers += 1
        return followed

    def unfollow(self, followed: FollowedBook) -> None:
        """Count one channel less, and close the book after the last."""
        followed.readers -= 1
        if not followed.readers:
            del self._books[followed.ring.symbol]
            self._registry.unfollow(followed.ring)
            followed.close()

    async def run(self) -> None:
        """Join lost books again twice a second, until the task is cancelled."""
        while True:
            await asyncio.sleep(JOIN_INTERVAL)
            try:
                await self.join(self._books.values())
            except (RedisError, OSError):
                # The follower logs the outage, and readers get `stale`.
                continue

    async def join(self, wanted: Iterable[FollowedBook]) -> None:
        """Join the lost ones of these books; raise redis.RedisError or OSError if Redis is down."""
        async with self._joining:
            for _ in range(JOIN_ATTEMPTS):
                lost = [each for each in wanted if each.book is None and each.readers]
                if not lost or not await self._join_once(lost):
                    return

    async def _join_once(self, lost: list[FollowedBook]) -> bool:
        """Try to join each book; return whether another attempt may join more of them."""
        # Before the books are read, so that a book that is absent then was absent at this time.
        # Minus one, because more may be written in the current millisecond.
        absent_at = await self._reads.time() - 1
        stored = await self._store.books([each.ring.symbol for each in lost])
        there = [
            (followed, book)
            for followed, book in zip(lost, stored, strict=True)
            if book is not None and book.position is not None
        ]
        for followed, book in zip(lost, stored, strict=True):
            is_absent = book is None or book.position is None
            if is_absent and self._store.corruption(followed.ring.symbol) is None:
                followed.absent_at = absent_at
        for followed, book in there:
            self._start(followed, book)
        await self._feed.catch_up(*(followed.ring for followed, _ in there))
        cooperator = Cooperator()
        for followed, book in there:
            await cooperator.pause()
            if followed.book is None:
                followed.join(book)
                self._ages.note_book(followed.ring, book)
                # Wakes the channels that show the book.
                followed.ring.wake()
        return any(followed.book is None for followed, _ in there)

    def _start(self, followed: FollowedBook, book: BookWithAge) -> None:
        if not followed.ring.is_started and book.position is not None:
            followed.ring.start(book.position, book.hash.event_id)
