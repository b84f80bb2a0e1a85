"""Open the stream of one book: with a snapshot from the hash, or after an event's id.

A new reader gets the book of the hash and every event after it. A reader that resumes gets every
event after the one that it names, from the ring, or from Redis until it reaches the ring.
"""

from __future__ import annotations

from api.delivery.openers import AdmitRead, CursorState, EventsGone, Step, one_write
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

# A script writes hash and stream together, so joining fails only if a trim comes between two reads.
JOIN_ATTEMPTS = 5


class BookOpener:
    """Opens the ring of one symbol for one reader, and follows it until `close`."""

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
        # The last event before missed ones, and why they were missed; for the next `lagged`.
        self._missed: tuple[Position, LaggedReason] | None = None
        self._has_sent_syncing = False

    def close(self) -> None:
        """Stop following the ring."""
        self._registry.unfollow(self.log)

    async def open(self) -> Step:
        """Join at the book of the hash; if there is none, send `syncing` and wait for one."""
        for _ in range(JOIN_ATTEMPTS):
            point = await self._joins.find(self.log)
            if point is None:
                break
            index = await self._joins.reach(self.log, point)
            if index is not None:
                return self._joined(point, index)
        data = b"" if self._has_sent_syncing else self._status("syncing", "no book yet")
        self._has_sent_syncing = True
        return Step(CursorState.WAITING, data)

    async def resume(self, event_id: str, admit_read: AdmitRead) -> Step:
        """Continue after `event_id`, in the ring or in the stream; raise ApiError if not admitted.

        Args:
            event_id: The last event that the reader has.
            admit_read: Called before the stream is read.

        Returns:
            A step to `FOLLOWING`, or to `PAGING` if the ring lacks the event.

        Raises:
            EventsGone: The event is neither in the ring nor in the stream.
        """
        ring = self.log
        if not ring.is_started:
            await self._joins.start_with_past(ring)
        index = ring.index_after_id(event_id) if ring.is_started else None
        if index is not None:
            RESUMED.labels("ring").inc()
            return self._followed(index, ring.position_before(index))
        await admit_read()
        entry = await self._reads.entry(ring.symbol, event_id)
        if entry is None:
            RESUMED.labels("nothing").inc()
            raise EventsGone("unknown")
        RESUMED.labels("stream").inc()
        return self._paged([entry], b"")

    async def page(self) -> Step:
        """Return the next events of the stream, until the ring has the position.

        Raises:
            EventsGone: Events after the position were trimmed.
        """
        ring = self.log
        index = ring.index_after(self._position)
        if index is not None:
            return self._followed(index, self._position)
        page = await self._reads.page(ring.symbol, self._event_id)
        if not page:
            # The stream has no more, so the ring can be fed up to this position.
            await self._feed.reach(ring, self._position)
            if ring.index_after(self._position) is None:
                raise EventsGone("trimmed")
            return Step(CursorState.PAGING, position=self._position)
        if not follows(page[0], self._position):
            raise EventsGone("trimmed")
        # The rest of the page is dropped and read again, so that a slow reader holds no memory.
        parts = one_write(render_sse(entry.id, entry.data) for entry in page)
        return self._paged(page[: len(parts)], b"".join(parts))

    def miss_events(self, position: Position, reason: LaggedReason) -> list[bytes]:
        """Store the gap for the `lagged` before the next snapshot; send nothing before it."""
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
        self._missed, self._has_sent_syncing = None, False
        data = lagged + point.sse + self._status_after(point.book) + self._stale_before(index)
        return Step(CursorState.FOLLOWING, data, 1, log_index=index, position=point.position)

    def _status_after(self, book: BookWithAge) -> bytes:
        """Return `syncing` if the book is, unless a status event follows in the ring."""
        if book.hash.status == "syncing" and self.log.last.position == book.position:
            return self._status("syncing", None)
        return b""

    def _stale_before(self, index: int) -> bytes:
        """Return `stale` if the book is, unless the status follows in the ring."""
        is_before = self.log.is_stale and self.log.stale_index < index
        return self._status("stale", "age") if is_before else b""

    def _status(self, status: Status, reason: str | None) -> bytes:
        return status_sse(self.log.symbol, status, reason)
