"""Read the events of one symbol between a watermark and a channel's log, for one reader."""

from __future__ import annotations

from collections.abc import Sequence

from api.delivery.openers import EventsGone, one_write
from api.follow.event_log import SseEvent, render_sse
from api.follow.ring import milliseconds_of
from api.store.stream_entry import StreamEntry, follows
from api.store.stream_reads import StreamReads
from api.views.channel_log import is_later, unmarked
from api.views.channel_member import ChannelMember
from kraken_book.position import Position

# Greater than any seq, so that the id `<milliseconds>-<this>` is after all events of a millisecond.
AFTER_MILLISECOND = 10**18
# Events of a ring that are examined for one write.
PAGE_EVENTS = 128
# A page may be of a read that began before the last events; the next one is not.
EMPTY_PAGES = 2


class Backlog:
    """The events of one symbol that a reader missed: after its watermark, up to the channel's log.

    They are read from the symbol's ring, or from Redis if the ring no longer has them.

    Args:
        member: The symbol's member of the channel.
        watermark: The watermark after which the reader resumes.
        reads: Reads from Redis.
    """

    def __init__(self, member: ChannelMember, watermark: int, reads: StreamReads) -> None:
        self.member = member
        self._ring = member.followed.ring
        self._reads = reads
        self._watermark = watermark
        # The reader gets the events after this position from the channel's log.
        self._until = member.position
        # The index in the ring; None if the events are read from Redis.
        self._index = self._ring.index_after_time(watermark)
        self._after_id = f"{watermark}-{AFTER_MILLISECOND}"
        self._last: Position | None = None
        self._empty_pages = 0
        self.is_done = False
        """Whether all events have been returned."""

    @property
    def is_in_memory(self) -> bool:
        """Return whether the ring has the events."""
        return self._index is not None

    async def next_parts(self) -> list[bytes]:
        """Return the next events as SSE without ids, as many as fit into one write.

        An empty list does not mean the end, see `is_done`. redis.RedisError or OSError is raised if
        Redis does not answer.

        Raises:
            EventsGone: Some of the events are neither in the ring nor in Redis.
        """
        if self._index is not None:
            events = self._ring.events_from(self._index, PAGE_EVENTS)
            if events is not None:
                return self._parts_of_ring(self._index, events)
            # The ring has dropped the events; Redis may still have them.
            self._index = None
        page = await self._reads.page(self._ring.symbol, self._after_id)
        if not await self._is_continuous(page):
            raise EventsGone("trimmed")
        return self._parts_of_page(page)

    def _parts_of_ring(self, index: int, events: Sequence[SseEvent]) -> list[bytes]:
        # `is_later` also excludes the api's statuses in the ring, which are not numbered.
        due = [
            (offset, event)
            for offset, event in enumerate(events)
            if event.position <= self._until and is_later(event, self._watermark)
        ]
        parts = one_write(unmarked(event) for _, event in due)
        if len(parts) < len(due):
            self._index = index + due[len(parts)][0]
        else:
            self._index = index + len(events)
            self.is_done = not events or events[-1].position > self._until
        if parts:
            _, last = due[len(parts) - 1]
            self._after_id, self._last = last.id, last.position
        return parts

    def _parts_of_page(self, page: list[StreamEntry]) -> list[bytes]:
        due = [entry for entry in page if entry.position <= self._until]
        events = (SseEvent(e.position, e.id, render_sse(e.id, e.data)) for e in due)
        parts = one_write(unmarked(event) for event in events)
        if parts:
            last = due[len(parts) - 1]
            self._after_id, self._last = last.id, last.position
        self._empty_pages = 0 if page else self._empty_pages + 1
        has_reached_end = self._last is not None and self._last >= self._until
        # The stream may end before `until`, if Redis has lost its end.
        has_ended = has_reached_end or self._empty_pages >= EMPTY_PAGES
        self.is_done = has_ended or len(parts) == len(due) < len(page)
        return parts

    async def _is_continuous(self, page: list[StreamEntry]) -> bool:
        """Return whether no event is missing between the last one sent and `page`."""
        if self._last is not None:
            return not page or follows(page[0], self._last)
        oldest = await self._reads.oldest(self._ring.symbol)
        # Only the oldest events are trimmed. If one up to the watermark is left, no later one is
        # gone.
        return oldest is not None and milliseconds_of(oldest.id) <= self._watermark
