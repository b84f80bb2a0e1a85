"""Read parts of the books' streams in Redis for readers that open, resume or page through them.

Concurrent reads of the same part are shared. Coroutines raise redis.RedisError or OSError if Redis
does not answer. A key of the wrong type is recorded as corrupt and read as an empty stream. In both
respects `entries_of` differs.
"""

from __future__ import annotations

import asyncio
from typing import cast

from redis.exceptions import ResponseError

from api.store.book_store import is_wrong_type
from api.store.coalesce import SingleFlight
from api.store.corrupt_keys import CorruptKeys
from api.store.errors import CorruptEvents
from api.store.stream_entry import MAX_ENTRIES, StreamEntry, StreamReply, entries_in, unbroken
from kraken_book.contract.keys import events_key
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

# About one write at depth 10. Each waiting reader holds at most one page.
PAGE_ENTRIES = 128
# Pages without a valid event that one read skips, so that corrupt streams cost bounded time.
MAX_SKIPPED_PAGES = 64
# Readers that resume together must not occupy all connections to Redis.
MAX_READS_AT_ONCE = 16


class StreamReads:
    """Reads entries of streams by id, and the clocks of the nodes.

    Args:
        nodes: The nodes of Redis.
        corrupt: The record of corrupt keys.
        page_entries: Number of entries of a page.
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
        """Return the newest events of a stream without a gap, oldest first."""
        key = events_key(symbol)
        try:
            reply = await self._nodes.call(key, "XREVRANGE", key, "+", "-", "COUNT", MAX_ENTRIES)
        except ResponseError as error:
            self._note_wrong_type(symbol, error)
            return []
        return unbroken(entries_in(symbol, reply[::-1], self._corrupt))

    async def entries_of(
        self, symbol: str, first: str, last: str, count: int, *, is_newest_first: bool = False
    ) -> StreamReply:
        """Return the entries of a part of a stream as they are in Redis, also corrupt ones.

        Each call reads, so it finds every event that Redis acknowledged before.

        Args:
            symbol: The symbol.
            first: The first id, as XRANGE takes it.
            last: The last id, as XRANGE takes it.
            count: The number of entries at most.
            is_newest_first: Whether to begin with the newest entry.

        Raises:
            CorruptEvents: The key is not a stream.
            ResponseError: Redis refused the command.
        """
        try:
            return await self._reply(symbol, first, last, count, is_newest_first=is_newest_first)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            key = events_key(symbol)
            raise CorruptEvents(key, self._corrupt.record(key, str(error), "DEL", key)) from error

    async def time(self) -> int:
        """Return the lowest clock of all nodes, in milliseconds.

        Nodes that do not answer are ignored. If no node answers, the first error is raised.
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
        try:
            return await self._reply(symbol, first, last, count)
        except ResponseError as error:
            self._note_wrong_type(symbol, error)
            return []

    async def _reply(
        self, symbol: str, first: str, last: str, count: int, *, is_newest_first: bool = False
    ) -> StreamReply:
        key = events_key(symbol)
        forward, backward = ("XRANGE", key, first, last), ("XREVRANGE", key, last, first)
        command = backward if is_newest_first else forward
        async with self._slots:
            reply = await self._nodes.call(key, *command, "COUNT", count)
        return cast("StreamReply", reply)

    def _note_wrong_type(self, symbol: str, error: ResponseError) -> None:
        """Record that a key is not a stream; raise any other error again."""
        if not is_wrong_type(error):
            raise error
        entries_in(symbol, error, self._corrupt)
