"""The books that this process keeps up to date, each once, for whoever shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from redis.exceptions import RedisError

from api.follow.age_watch import AgeWatch
from api.follow.buffer import Buffer
from api.follow.ring_feed import RingFeed
from api.follow.ring_registry import RingRegistry
from api.store.book_store import BookStore, StoredBook
from api.views.followed_book import FollowedBook
from runtime.cooperate import Cooperator

JOIN_ATTEMPTS = 5
LOOK_SECONDS = 0.5


class FollowedBooks:
    """Follows books while somebody wants them; joins anew, twice a second, those that are lost."""

    def __init__(
        self,
        registry: RingRegistry,
        feed: RingFeed,
        ages: AgeWatch,
        store: BookStore,
        buffer: Buffer | None = None,
    ) -> None:
        self._registry = registry
        self._feed = feed
        self._ages = ages
        self._buffer = Buffer() if buffer is None else buffer
        self._store = store
        self._books: dict[str, FollowedBook] = {}
        self._joining = asyncio.Lock()

    def follow(self, symbol: str) -> FollowedBook:
        """The book of `symbol`, kept until as many `unfollow` it."""
        followed = self._books.get(symbol)
        if followed is None:
            followed = self._books[symbol] = FollowedBook(
                self._registry.follow(symbol), self._buffer
            )
        followed.readers += 1
        return followed

    def unfollow(self, followed: FollowedBook) -> None:
        """One less wants it."""
        followed.readers -= 1
        if not followed.readers:
            del self._books[followed.ring.symbol]
            self._registry.unfollow(followed.ring)
            followed.close()

    async def look_after(self) -> None:
        """Join what is lost, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.join(self._books.values())
            except (RedisError, OSError):
                # The follower says that Redis is away, and readers are told that books grow old.
                continue

    async def join(self, wanted: Iterable[FollowedBook]) -> None:
        """Have all of these known that can be; raises redis.RedisError or OSError."""
        async with self._joining:
            for _ in range(JOIN_ATTEMPTS):
                lost = [each for each in wanted if each.book is None and each.readers]
                if not lost or not await self._join_once(lost):
                    return

    async def _join_once(self, lost: list[FollowedBook]) -> bool:
        """Whether one of them has a book that could not be joined, and is to be read again."""
        stored = await self._store.books([each.ring.symbol for each in lost])
        there = [
            (followed, book)
            for followed, book in zip(lost, stored, strict=True)
            if book is not None and book.position is not None
        ]
        for followed, book in there:
            self._start(followed, book)
        await self._feed.catch_up(*(followed.ring for followed, _ in there))
        cooperator = Cooperator()
        for followed, book in there:
            await cooperator.pause()
            if followed.book is None:
                followed.join(book)
                self._ages.note_book(followed.ring, book)
                # Whoever shows it looks again.
                followed.ring.wake()
        return any(followed.book is None for followed, _ in there)

    def _start(self, followed: FollowedBook, book: StoredBook) -> None:
        if not followed.ring.started and book.position is not None:
            followed.ring.start(book.position, book.hash.event_id)
