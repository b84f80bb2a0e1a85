"""Page through the events that a stream still holds.

A page is bounded in events, in bytes, in entries and in reads of Redis, whatever the stream
contains. So a page may have fewer events than its limit, or none, although more follow.
"""

from __future__ import annotations

from typing import NamedTuple

from api.store.corrupt_keys import CorruptKeys
from api.store.stream_entry import (
    StreamEntry,
    StreamReply,
    counts_from,
    entries_in,
    follows,
    id_order,
)
from api.store.stream_reads import PAGE_ENTRIES, StreamReads

# The end of the year 9999. No time is later, so no event has a later id.
MAX_MILLISECONDS = 253_402_300_799_999
MAX_NUMBER = 2**64 - 1
# About 2,000 updates, or ten snapshots at depth 1,000.
MAX_PAGE_BYTES = 1024 * 1024
# Reads of one page. A stream of corrupt entries has a page for each 8,000 of them.
MAX_READS = 64
# Entries of the first read, whose size is not known: at depth 1,000 a snapshot has 80 kB.
FIRST_ENTRIES = 16

Id = tuple[int, int]
"""The id of an entry: milliseconds and number."""


NEWEST: Id = (MAX_MILLISECONDS, MAX_NUMBER)


class EventRange(NamedTuple):
    """A part of a stream, from its oldest to its newest event if neither end is given."""

    start: Id | None = None
    end: Id = NEWEST
    """The last id of the part, which is included."""
    is_after: bool = False
    """Whether the part begins after `start`, and not with it."""


class HistoryPage(NamedTuple):
    """Some consecutive events of a part of a stream, oldest first."""

    entries: list[StreamEntry]
    continue_after: str | None
    """The id after which the next page begins; None if no event of the part follows."""
    first_id: str | None
    """The id of the oldest entry that the stream holds now; None if it is empty."""
    last_id: str | None
    """The id of the newest entry that the stream holds now; None if it is empty."""
    is_trimmed: bool
    """Whether events between the start of the part and the first event here may be gone."""


class EventHistory:
    """Reads pages of events.

    Args:
        reads: Reads from Redis.
        corrupt: The record of corrupt keys.
        page_bytes: The size after which a page ends.
        max_reads: The reads of one page at most.
    """

    def __init__(
        self,
        reads: StreamReads,
        corrupt: CorruptKeys,
        page_bytes: int = MAX_PAGE_BYTES,
        max_reads: int = MAX_READS,
    ) -> None:
        self._reads = reads
        self._corrupt = corrupt
        self._page_bytes = page_bytes
        self._max_reads = max_reads

    async def page(self, symbol: str, part: EventRange, limit: int) -> HistoryPage:
        """Return the first events of a part of a stream; skip and record corrupt entries.

        redis.RedisError or OSError is raised if Redis does not answer, CorruptEvents if the key is
        not a stream.

        Args:
            symbol: The symbol.
            part: The part.
            limit: The number of events at most.
        """
        entries, continue_after = await self._events(symbol, part, limit)
        # After the events: those that are trimmed in between are then reported, not missed.
        first_id = await self._outermost(symbol, is_newest=False)
        last_id = await self._outermost(symbol, is_newest=True)
        is_trimmed = may_lack_events(part, entries, first_id, last_id)
        return HistoryPage(entries, continue_after, first_id, last_id, is_trimmed)

    async def _events(
        self, symbol: str, part: EventRange, limit: int
    ) -> tuple[list[StreamEntry], str | None]:
        """Return events, and the id after which the next page begins."""
        start = "-" if part.start is None else _id_text(part.start)
        first = f"({start}" if part.is_after else start
        last = _id_text(part.end)
        found: list[StreamEntry] = []
        size = seen = 0
        for _ in range(self._max_reads):
            count = self._next_count(limit, len(found), seen, size)
            reply = await self._reads.entries_of(symbol, first, last, count)
            fitting = _fitting(reply, self._page_bytes - size)
            entries = entries_in(symbol, fitting, self._corrupt)
            if found and await self._is_trimmed_between(symbol, found[-1], entries):
                # The next page reports it.
                return found, found[-1].id
            found += entries
            if len(found) > limit:
                del found[limit:]
                return found, found[-1].id
            if len(fitting) == len(reply) < count:
                return found, None
            last_seen = fitting[-1][0].decode()
            size += sum(map(_size, fitting))
            seen += len(fitting)
            if len(fitting) < len(reply) or size >= self._page_bytes:
                return found, last_seen
            first = f"({last_seen}"
        return found, last_seen

    async def _is_trimmed_between(
        self, symbol: str, last: StreamEntry, entries: list[StreamEntry]
    ) -> bool:
        """Return whether events after `last` may have been trimmed before `entries` were read."""
        if not entries or follows(entries[0], last.position):
            return False
        # Otherwise corrupt entries were skipped.
        first_id = await self._outermost(symbol, is_newest=False)
        return first_id is None or id_order(first_id) > id_order(last.id)

    def _next_count(self, limit: int, found: int, seen: int, size: int) -> int:
        """Return the number of entries to read next.

        It is one more than the missing events, to learn whether others follow, and one more for
        each corrupt entry so far, because the next ones may be corrupt too.

        Args:
            limit: The number of events of the page at most.
            found: The number of events so far.
            seen: The number of entries so far.
            size: The bytes of these entries.
        """
        if not seen:
            return FIRST_ENTRIES
        wanted = limit - found + 1 + seen - found
        that_fit = (self._page_bytes - size) * seen // size
        return max(FIRST_ENTRIES, min(wanted, that_fit, PAGE_ENTRIES))

    async def _outermost(self, symbol: str, *, is_newest: bool) -> str | None:
        """Return the id of the newest or of the oldest entry, None if there is none."""
        reply = await self._reads.entries_of(symbol, "-", "+", 1, is_newest_first=is_newest)
        return reply[0][0].decode() if reply else None


def may_lack_events(
    part: EventRange, entries: list[StreamEntry], first_id: str | None, last_id: str | None
) -> bool:
    """Return whether events between the start of a part and its first ones may be gone.

    Only the oldest events of a stream are trimmed, so none is missing if an older one than the
    start is left, or if the first event is the next one after the start. A stream that ends before
    an id that it had was deleted, or Redis lost its end.

    Args:
        part: The part.
        entries: Its first events that are left.
        first_id: The id of the oldest entry that is left, None if the stream is empty.
        last_id: The id of the newest entry that is left, None if the stream is empty.
    """
    if part.start is None:
        return False
    if first_id is None or last_id is None or id_order(last_id) < part.start:
        return part.is_after
    if id_order(first_id) <= part.start:
        return False
    if not entries:
        return True
    first = entries[0]
    if not part.is_after:
        return id_order(first.id) != part.start
    seq = part.start[1]
    return seq not in (first.position.seq - 1, counts_from(first))


def _id_text(entry_id: Id) -> str:
    return f"{entry_id[0]}-{entry_id[1]}"


def _size(entry: tuple[bytes, dict[bytes, bytes]]) -> int:
    return sum(map(len, entry[1])) + sum(map(len, entry[1].values())) + len(entry[0])


def _fitting(reply: StreamReply, room: int) -> StreamReply:
    """Return the first entries of a reply that fit into `room` bytes, at least one."""
    for index, entry in enumerate(reply):
        room -= _size(entry)
        if room < 0:
            return reply[: max(1, index)]
    return reply
