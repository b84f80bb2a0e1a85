"""One reader of one book's stream: where it stands, and what it is to be sent next.

A fresh reader opens with a snapshot from the hash and goes on with every event after it. One that
resumes goes on right after the event it names: from the ring, or from the stream until the ring has
it. One for whom events are gone is told so and opens again. Where there is no book to open with, it
waits for one.
"""

from __future__ import annotations

from typing import NamedTuple

from redis.exceptions import RedisError

from api.follow.api_events import Opening, lagged_frame, status_frame
from api.follow.frame_log import WRITE_BYTES, sse_frame
from api.follow.tail import Tail
from api.http.problems import redis_away
from api.metrics import EVENTS_OUT, LAGGED, RESUMED
from api.store.book_store import BookWithAge
from api.store.stream_entry import Entry, follows
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE, Position

# The hash and the stream move together; only a trim between two reads can part them.
JOIN_ATTEMPTS = 5


class Lag(NamedTuple):
    """That a reader fell off: after which event, and why."""

    after: Position
    reason: LaggedReason


class Reader:
    """A place in a symbol's ring: `open` or `resume` it, ask for `next`; `close` it in the end.

    `ring` tells when there may be more. What raises leaves the reader where it was.
    """

    def __init__(self, tail: Tail, symbol: str) -> None:
        self._tail = tail
        self.ring = tail.follow(symbol)
        self._index = 0
        self._sent = NOWHERE
        # While it reads from the stream: the id it stands at. None when it reads from the ring.
        self._paging_from: str | None = None
        # Whether it waits for a book to join at, what it is to be told then, and was told before.
        self._joining = False
        self._lag: Lag | None = None
        self._told_syncing = False

    def close(self) -> None:
        """The reader is gone."""
        self._set_joining(False)
        self._tail.unfollow(self.ring)

    async def open(self) -> bytes:
        """Join at the book of the hash; what is to be sent first. Raises Problem."""
        self._set_joining(True)
        return await self._first()

    async def resume(self, event_id: str) -> bytes:
        """Go on after `event_id`; what is to be sent first. Raises Problem."""
        try:
            if not self.ring.started:
                await self._tail.start_with_past(self.ring)
            index = self.ring.index_after_id(event_id) if self.ring.started else None
            if index is not None:
                RESUMED.labels("ring").inc()
                self._index, self._sent = index, self.ring.position_before(index)
                return self._word_of_before()
            entry = await self._tail.entry(self.ring.symbol, event_id)
            if entry is not None:
                RESUMED.labels("stream").inc()
                self._paging_from, self._sent = event_id, entry.position
                return b""
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        RESUMED.labels("nothing").inc()
        self._fall_off("unknown")
        return await self._first()

    async def next(self) -> bytes:
        """What is there to be sent, empty where nothing is; raises redis.RedisError or OSError."""
        data = b""
        while not data and self._may_have_more():
            if self._joining:
                return await self._join()
            data = await self._next_page() if self._paging_from else self._next_of_ring()
        return data

    def ready(self) -> bytes | None:
        """What of the ring is there to be sent; None where only `next` can tell."""
        if self._joining or self._paging_from is not None:
            return None
        read = self.ring.read(self._index)
        return None if read is None else self._take(*read)

    def _may_have_more(self) -> bool:
        return self._joining or self._paging_from is not None or self._index < self.ring.end

    async def _first(self) -> bytes:
        try:
            return await self._join()
        except (RedisError, OSError) as error:
            raise redis_away(error) from error

    def _next_of_ring(self) -> bytes:
        read = self.ring.read(self._index)
        if read is None:
            self._fall_off(self.ring.reason_to_fall(self._index))
            return b""
        return self._take(*read)

    def _take(self, data: bytes, index: int) -> bytes:
        if data:
            EVENTS_OUT.inc(index - self._index)
            self._index, self._sent = index, self.ring.position_before(index)
        return data

    async def _next_page(self) -> bytes:
        assert self._paging_from is not None
        index = self.ring.index_after(self._sent)
        if index is not None:
            self._index, self._paging_from = index, None
            return self._word_of_before()
        page = await self._tail.page(self.ring.symbol, self._paging_from)
        if not page:
            # The stream has no more: the ring comes here, or what it begins after is gone.
            await self._tail.reach(self.ring, self._sent)
            if self.ring.index_after(self._sent) is None:
                self._fall_off("trimmed")
            return b""
        if not follows(page[0], self._sent):
            self._fall_off("trimmed")
            return b""
        return self._one_write(page)

    def _one_write(self, page: list[Entry]) -> bytes:
        """As much of a page as goes out at once; the rest is read again, and never kept."""
        parts: list[bytes] = []
        size = 0
        for entry in page:
            sse = sse_frame(entry.id, entry.data)
            if parts and size + len(sse) > WRITE_BYTES:
                break
            parts.append(sse)
            size += len(sse)
            self._paging_from, self._sent = entry.id, entry.position
        EVENTS_OUT.inc(len(parts))
        return b"".join(parts)

    def _fall_off(self, reason: LaggedReason) -> None:
        LAGGED.labels(reason).inc()
        self._lag, self._paging_from = Lag(self._sent, reason), None
        self._set_joining(True)

    async def _join(self) -> bytes:
        """The book of the hash as the first event, once there is one to go on from."""
        for _ in range(JOIN_ATTEMPTS):
            opening = await self._tail.opening(self.ring)
            if opening is None:
                break
            if not self.ring.started:
                await self._tail.start(self.ring, opening)
            await self._tail.reach(self.ring, opening.position)
            index = self.ring.index_after(opening.position)
            if index is not None:
                return self._joined(opening, index)
        told, self._told_syncing = self._told_syncing, True
        return b"" if told else status_frame(self.ring.symbol, "syncing", "no book yet")

    def _joined(self, opening: Opening, index: int) -> bytes:
        lagged, position = b"", opening.position
        if self._lag is not None:
            is_known = self._lag.after != NOWHERE
            missed = position.events_since(self._lag.after) if is_known else None
            lagged = lagged_frame(self.ring.symbol, missed, self._lag.reason)
        self._index, self._sent, self._lag = index, position, None
        self._told_syncing = False
        self._set_joining(False)
        EVENTS_OUT.inc()
        after = self._status_after(opening.book) + self._word_of_before()
        return lagged + opening.sse + after

    def _status_after(self, book: BookWithAge) -> bytes:
        # Usually the status event follows in the ring; it may have been trimmed.
        if book.hash.status == "syncing" and self.ring.last.position == book.position:
            return status_frame(self.ring.symbol, "syncing", None)
        return b""

    def _word_of_before(self) -> bytes:
        """What the readers here were told without a number before this one's place."""
        if self.ring.stale and self.ring.told_at < self._index:
            return status_frame(self.ring.symbol, "stale", "age")
        return b""

    def _set_joining(self, joining: bool) -> None:
        self.ring.joining += joining - self._joining
        self._joining = joining
