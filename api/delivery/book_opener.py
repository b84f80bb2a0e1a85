"""Open the stream of one book: with a snapshot from the hash, or after an event's id.

A fresh reader opens with the book of the hash and goes on with every event after it. A reader that
resumes goes on right after the event that it names: in the ring, or in Redis until the ring has it.
"""

from __future__ import annotations

from api.delivery.openers import CursorState, EventsGone, Step, one_write
from api.follow.api_events import lagged_sse, status_sse
from api.follow.event_log import render_sse
from api.follow.join_points import JoinPoint, JoinPoints
from api.follow.ring_feed import RingFeed
from api.follow.ring_registry import RingRegistry
from api.store.book_store import BookWithAge
from api.store.metrics import RESUMED
from api.store.stream_entry import StreamEntry, follows
from api.store.stream_reads import StreamReads
from kraken_book.event import LaggedReason, Status
from kraken_book.position import NOWHERE, Position

# The hash and the stream change together; only a trim between two reads can part them.
JOIN_ATTEMPTS = 5


class BookOpener:
    """Opens the ring of one symbol, and keeps it while its reader is there."""

    can_open = True

    def __init__(
        self,
        symbol: str,
        registry: RingRegistry,
        feed: RingFeed,
        joins: JoinPoints,
        reads: StreamReads,
    ) -> None:
        self._registry = registry
        self._feed = feed
        self._joins = joins
        self._reads = reads
        self.log = registry.follow(symbol)
        # The last event that was sent from Redis.
        self._event_id = ""
        self._position = NOWHERE
        # After which event the reader fell off, and why; told when there is a book again.
        self._missed: tuple[Position, LaggedReason] | None = None
        self._has_told_syncing = False

    def close(self) -> None:
        """Note that the reader has gone."""
        self._registry.unfollow(self.log)

    async def open(self) -> Step:
        """Join at the book of the hash; if there is none, the reader waits for one."""
        for _ in range(JOIN_ATTEMPTS):
            point = await self._joins.find(self.log)
            if point is None:
                break
            index = await self._joins.reach(self.log, point)
            if index is not None:
                return self._joined(point, index)
        data = b"" if self._has_told_syncing else self._status("syncing", "no book yet")
        self._has_told_syncing = True
        return Step(CursorState.WAITING, data)

    async def resume(self, event_id: str) -> Step:
        """Go on after `event_id`: in the ring, else in the stream."""
        ring = self.log
        if not ring.started:
            await self._joins.start_with_past(ring)
        index = ring.index_after_id(event_id) if ring.started else None
        if index is not None:
            RESUMED.labels("ring").inc()
            return self._followed(index, ring.position_before(index))
        entry = await self._reads.entry(ring.symbol, event_id)
        if entry is None:
            RESUMED.labels("nothing").inc()
            raise EventsGone("unknown")
        RESUMED.labels("stream").inc()
        return self._paged([entry], b"")

    async def page(self) -> Step:
        """Return the next events of the stream, until the ring has the position."""
        ring = self.log
        index = ring.index_after(self._position)
        if index is not None:
            return self._followed(index, self._position)
        page = await self._reads.page(ring.symbol, self._event_id)
        if not page:
            # The stream has no more: the ring reaches this position, or events before it are gone.
            await self._feed.reach(ring, self._position)
            if ring.index_after(self._position) is None:
                raise EventsGone("trimmed")
            return Step(CursorState.PAGING, position=self._position)
        if not follows(page[0], self._position):
            raise EventsGone("trimmed")
        # The rest of the page is read again, and never kept.
        parts = one_write(render_sse(entry.id, entry.data) for entry in page)
        return self._paged(page[: len(parts)], b"".join(parts))

    def fall_off(self, position: Position, reason: LaggedReason) -> list[bytes]:
        """Keep what is to be told with the next book."""
        self._missed = position, reason
        return []

    def _paged(self, sent: list[StreamEntry], data: bytes) -> Step:
        self._event_id, self._position = sent[-1].id, sent[-1].position
        events = len(sent) if data else 0
        return Step(CursorState.PAGING, data, events, position=self._position)

    def _followed(self, index: int, position: Position) -> Step:
        data = self._stale_before(index)
        return Step(CursorState.FOLLOWING, data, log_index=index, position=position)

    def _joined(self, point: JoinPoint, index: int) -> Step:
        lagged = b""
        if self._missed is not None:
            after, reason = self._missed
            missed = point.position.events_since(after)
            lagged = lagged_sse(self.log.symbol, missed, reason)
        self._missed, self._has_told_syncing = None, False
        data = lagged + point.sse + self._status_after(point.book) + self._stale_before(index)
        return Step(CursorState.FOLLOWING, data, 1, log_index=index, position=point.position)

    def _status_after(self, book: BookWithAge) -> bytes:
        """Return the status of a book that is not known, if its status event may be trimmed."""
        if book.hash.status == "syncing" and self.log.last.position == book.position:
            return self._status("syncing", None)
        return b""

    def _stale_before(self, index: int) -> bytes:
        """Return that the book is stale if the readers here were told so before `index`."""
        is_told = self.log.stale and self.log.told_at < index
        return self._status("stale", "age") if is_told else b""

    def _status(self, status: Status, reason: str | None) -> bytes:
        return status_sse(self.log.symbol, status, reason)
