"""One reader of one book's stream: where it stands, and what it is to be sent next.

A fresh reader opens with a snapshot from the hash and goes on with every event after it. One that
resumes goes on right after the event it names: from the ring, or from the stream until the ring has
it. One for whom events are gone is told so and opens again.
"""

from __future__ import annotations

from redis.exceptions import RedisError

from api.metrics import LAGGED
from api.problems import redis_away, unavailable
from api.ring import Place, sse_frame
from api.store import BookStore, StoredBook
from api.tail import Tail, follows, lagged_frame, note_age, opening, status_frame
from kraken_book.event import LaggedReason

# The hash and the stream move together; only a trim between two reads can part them.
JOIN_ATTEMPTS = 5
NOWHERE = Place(0, 0)


class Reader:
    """A place in a symbol's ring: `open` or `resume` it, ask for `next`; `close` it in the end.

    `ring` tells when there may be more.
    """

    def __init__(self, tail: Tail, store: BookStore, symbol: str) -> None:
        self._tail = tail
        self._store = store
        self.ring = tail.follow(symbol)
        self._index = 0
        self._sent = NOWHERE
        # While it reads from the stream: the id it stands at. None when it reads from the ring.
        self._paging_from: str | None = None

    def close(self) -> None:
        """The reader is gone."""
        self._tail.unfollow(self.ring)

    async def open(self) -> bytes:
        """Join at the book of the hash; what is to be sent first. Raises Problem."""
        try:
            return await self._join()
        except (RedisError, OSError) as error:
            raise redis_away(error) from error

    async def resume(self, event_id: str) -> bytes:
        """Go on after `event_id`; what is to be sent first. Raises Problem."""
        index = self.ring.index_after_id(event_id) if self.ring.started else None
        if index is not None:
            self._index, self._sent = index, self.ring.place_before(index)
            return self._said_to_all()
        try:
            entry = await self._tail.entry(self.ring.symbol, event_id)
            if entry is None:
                return await self._lagged("unknown")
            self._paging_from, self._sent = event_id, entry.place
            if not self.ring.started:
                self._start(await self._store.book(self.ring.symbol))
            await self._tail.catch_up(self.ring)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        return b""

    async def next(self) -> bytes:
        """What is there to be sent, empty where nothing is; raises redis.RedisError or OSError."""
        data = b""
        while not data and (self._paging_from is not None or self._index < self.ring.end):
            data = await self._next_page() if self._paging_from else await self._next_of_ring()
        return data

    async def _next_of_ring(self) -> bytes:
        read = self.ring.read(self._index)
        if read is None:
            restarted = self._index < self.ring.restarted_at
            return await self._lagged("redis" if restarted else "slow")
        data, self._index = read
        self._sent = self.ring.place_before(self._index)
        return data

    async def _next_page(self) -> bytes:
        assert self._paging_from is not None
        index = self.ring.index_after(self._sent)
        if index is not None:
            self._index, self._paging_from = index, None
            return self._said_to_all()
        page = await self._tail.page(self.ring.symbol, self._paging_from)
        if not page:
            # The stream has no more: the ring comes here, or what it begins after is gone.
            await self._tail.catch_up(self.ring)
            here = self.ring.index_after(self._sent) is not None
            return b"" if here else await self._lagged("trimmed")
        if not follows(page[0], self._sent):
            return await self._lagged("trimmed")
        self._paging_from, self._sent = page[-1].id, page[-1].place
        return b"".join([sse_frame(entry.id, entry.data) for entry in page])

    async def _lagged(self, reason: LaggedReason) -> bytes:
        """Word that events are missed, and the book to go on from."""
        LAGGED.labels(reason).inc()
        before, self._paging_from = self._sent, None
        opened = await self._join()
        same_epoch = before.epoch == self._sent.epoch and before != NOWHERE
        missed = self._sent.seq - before.seq if same_epoch else None
        return lagged_frame(self.ring.symbol, missed, reason) + opened

    async def _join(self) -> bytes:
        ring = self.ring
        for _ in range(JOIN_ATTEMPTS):
            book = await self._store.book(ring.symbol)
            if not ring.started:
                self._start(book)
            await self._tail.catch_up(ring)
            if book is None or book.place is None:
                self._index, self._sent = ring.end, ring.last.place
                return status_frame(ring.symbol, "syncing", "no book yet")
            index = ring.index_after(book.place)
            if index is not None:
                self._index, self._sent = index, book.place
                return opening(book) + self._status_after(book) + self._said_to_all()
        raise unavailable("no-join", "the stream is trimmed faster than it can be joined")

    def _status_after(self, book: StoredBook) -> bytes:
        # Usually the status event follows in the ring; it may have been trimmed.
        if book.hash.status == "syncing" and self._index == self.ring.end:
            return status_frame(self.ring.symbol, "syncing", None)
        return b""

    def _said_to_all(self) -> bytes:
        """What the readers here were told without a number, for one that comes later."""
        return status_frame(self.ring.symbol, "stale", "age") if self.ring.stale else b""

    def _start(self, book: StoredBook | None) -> None:
        if book is None or book.place is None:
            self.ring.start(NOWHERE, "0-0")
        else:
            self.ring.start(book.place, book.hash.event_id)
            note_age(self.ring, book)
