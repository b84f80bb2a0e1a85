"""Read parts of books' streams in Redis for readers that open or resume.

What readers read at the same time is read once. Everything here raises redis.RedisError or OSError
if Redis does not answer. A key that holds something else than a stream is noted as corrupt and
read as an empty one.
"""

from __future__ import annotations

import asyncio
from typing import cast

from redis.exceptions import ResponseError

from api.store.book_store import is_wrong_type
from api.store.coalesce import SingleFlight
from api.store.corrupt_keys import CorruptKeys
from api.store.stream_entry import MAX_ENTRIES, StreamEntry, StreamReply, entries_in, unbroken
from kraken_book.contract.keys import events_key
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

# About one write at depth 10. A thousand readers may wait with a page each.
PAGE_ENTRIES = 128
# How many pages without an event one read skips; Redis has some thousand pages of a stream.
MAX_SKIPPED_PAGES = 64
# A thousand readers that resume at once must not take all connections.
MAX_READS_AT_ONCE = 16


class StreamReads:
    """Reads entries of streams by id, and the clocks of the nodes.

    Args:
        nodes: The nodes of Redis.
        corrupt: Where corrupt keys are noted.
        page_entries: How many entries a page has.
    """

    def __init__(
        self, nodes: Nodes, corrupt: CorruptKeys, page_entries: int = PAGE_ENTRIES
    ) -> None:
        self._nodes = nodes
        self._corrupt = corrupt
        self._page_entries = page_entries
        self._pages = SingleFlight(self._read_page)
        self._entries = SingleFlight(self._read_entry)
        self._slots = asyncio.Semaphore(MAX_READS_AT_ONCE)

    async def page(self, symbol: str, after_id: str) -> list[StreamEntry]:
        """Return the next events of a stream after an id; empty if there are no more."""
        return await self._pages.get((symbol, after_id))

    async def entry(self, symbol: str, event_id: str) -> StreamEntry | None:
        """Return the event with this id, None if it is not in Redis."""
        return await self._entries.get((symbol, event_id))

    async def oldest(self, symbol: str) -> StreamEntry | None:
        """Return the first event of a stream, None if the stream is empty."""
        found = entries_in(symbol, await self._range(symbol, "-", "+", 1), self._corrupt)
        return found[0] if found else None

    async def newest(self, symbol: str) -> list[StreamEntry]:
        """Return the newest events of a stream that follow on each other, oldest first."""
        key = events_key(symbol)
        try:
            reply = await self._nodes.call(key, "XREVRANGE", key, "+", "-", "COUNT", MAX_ENTRIES)
        except ResponseError as error:
            self._note_wrong_type(symbol, error)
            return []
        return unbroken(entries_in(symbol, reply[::-1], self._corrupt))

    async def time(self) -> int:
        """Return the clock of the node that is furthest behind, in milliseconds.

        Nodes that do not answer are left out, unless none does.
        """
        asking = [self.time_of(node) for node in self._nodes.all()]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        times = [answer for answer in answers if isinstance(answer, int)]
        for answer in answers:
            if isinstance(answer, BaseException) and not times:
                raise answer
        return min(times)

    async def time_of(self, node: RedisNode) -> int:
        """Return the clock of a node in milliseconds."""
        (reply,) = await self._nodes.send(node, [("TIME",)])
        if isinstance(reply, Exception):
            raise reply
        seconds, microseconds = map(int, reply)
        return seconds * 1000 + microseconds // 1000

    async def _read_page(self, after: tuple[str, str]) -> list[StreamEntry]:
        symbol, after_id = after
        for _ in range(MAX_SKIPPED_PAGES):
            reply = await self._range(symbol, f"({after_id}", "+", self._page_entries)
            entries = entries_in(symbol, reply, self._corrupt)
            if entries or len(reply) < self._page_entries:
                return entries
            after_id = reply[-1][0].decode()
        return []

    async def _read_entry(self, which: tuple[str, str]) -> StreamEntry | None:
        symbol, event_id = which
        reply = await self._range(symbol, event_id, event_id, 1)
        found = entries_in(symbol, reply, self._corrupt)
        return found[0] if found else None

    async def _range(self, symbol: str, first: str, last: str, count: int) -> StreamReply:
        key = events_key(symbol)
        try:
            async with self._slots:
                reply = await self._nodes.call(key, "XRANGE", key, first, last, "COUNT", count)
        except ResponseError as error:
            self._note_wrong_type(symbol, error)
            return []
        return cast("StreamReply", reply)

    def _note_wrong_type(self, symbol: str, error: ResponseError) -> None:
        """Note that a key is no stream; raise any other error."""
        if not is_wrong_type(error):
            raise error
        entries_in(symbol, error, self._corrupt)
