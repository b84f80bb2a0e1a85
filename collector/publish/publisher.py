"""The publisher of all books: assigns each symbol to the writer of its node of Redis.

Each node has its own writer, so that no node waits for another.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import cast

from redis.exceptions import RedisError

from collector.feed.books import SymbolBook
from collector.feed.link import FeedLoad
from collector.feed.room import Room
from collector.publish.event_queue import QueueLimit
from collector.publish.leadership import Leadership
from collector.publish.node_writer import NodeWriter
from collector.publish.shared_keys import SharedKeys
from collector.publish.symbol_writer import SymbolWriter
from collector.publish.troubles import Troubles
from collector.publish.tuning import Tuning
from kraken_book.contract.keys import book_key, events_key
from kraken_book.contract.write import Retention
from kraken_book.symbols import KRAKEN, symbol_of
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes
from runtime.service import end_tasks

# The interval at which writers and `<venue>:symbols` are checked.
CHECK_INTERVAL = 0.5


class Publisher:
    """The only writer of its books while it leads.

    Args:
        nodes: The nodes of Redis.
        retention: Limits of each stream in Redis.
        shard: This collector's share of the symbols, `i/n`.
        leadership: Whether this collector leads; the publisher ends it if a newer epoch has
            written.
        load: Load of the feed, which decides whether events gather.
        room: The room in the queues, for which connections wait.
        troubles: Receives the errors of Redis.
        tuning: Intervals and sizes of writes.
        limit: The most events of each symbol that may wait.
        venue: The venue of the books.
    """

    def __init__(
        self,
        nodes: Nodes,
        retention: Retention,
        shard: str,
        leadership: Leadership,
        load: FeedLoad,
        room: Room | None = None,
        troubles: Troubles | None = None,
        tuning: Tuning | None = None,
        limit: QueueLimit | None = None,
        venue: str = KRAKEN,
    ) -> None:
        self._venue = venue
        self._nodes = nodes
        self._retention = retention
        self._leadership = leadership
        self._load = load
        self._room = room or Room()
        self._troubles = troubles or Troubles()
        self._tuning = tuning or Tuning()
        self._shared_keys = SharedKeys(nodes, shard, self._wake_writer, venue)
        self._limit = limit or QueueLimit()
        self._symbols: dict[str, SymbolWriter] = {}
        self._writers: dict[RedisNode, NodeWriter] = {}
        # Symbols that are not followed any more; each is dropped when all its events are written.
        self._departing: set[str] = set()
        # The last seq of each symbol that was dropped in this epoch, in case it is added again.
        self._left_at: dict[str, int] = {}
        self._is_running = False
        self._tasks: dict[NodeWriter, asyncio.Task[None]] = {}
        self._next_states = 0.0

    @property
    def leadership(self) -> Leadership:
        """Whether this collector leads, and its epoch."""
        return self._leadership

    @property
    def limit(self) -> QueueLimit:
        """The most events of each symbol that may wait."""
        return self._limit

    def count_unwritten(self) -> int:
        """Return the number of events that Redis has not acknowledged."""
        return sum(writer.unwritten for writer in self._symbols.values())

    def add(self, book: SymbolBook) -> SymbolWriter:
        """Start to publish `book`, with its current content or status."""
        writer = self._symbols.get(book.name)
        if writer is not None:
            # The symbol was removed, and some of its events still wait. They are written first.
            self._departing.discard(book.name)
            writer.queue.carry(book)
            return writer
        home = self._home_of(book.name)
        writer = SymbolWriter(book, home, self._limit, self._retention, self._tuning)
        self._symbols[book.name] = writer
        self._share_limit()
        home.add(writer)
        if self._leadership.epoch is not None:
            writer.lead(self._leadership.epoch, self._left_at.pop(book.name, 0))
        return writer

    def remove(self, symbol: str) -> None:
        """Stop publishing a book after its last events are written."""
        self._departing.add(symbol)
        if self._leadership.is_leading:
            writer = self._symbols[symbol]
            writer.home.schedule(writer)
        else:
            self._drop_departed()

    def lead(self, epoch: int) -> None:
        """Start to write under `epoch`, with the current content or status of every book."""
        self._leadership.begin(epoch)
        self._left_at.clear()
        self._shared_keys.repeat_all()
        for writer in self._symbols.values():
            writer.lead(epoch)

    def follow(self) -> None:
        """Stop writing."""
        self._leadership.end()
        for symbol, writer in self._symbols.items():
            writer.resign()
            # The next leader reports what lasts. This one would not notice that it ends.
            self._drop_troubles(symbol)
        self._drop_departed()
        self._left_at.clear()

    async def run(self) -> None:
        """Run the writers of all nodes; raise the exception of a writer that fails."""
        self._is_running = True
        try:
            for writer in self._writers.values():
                self._start(writer)
            while True:
                await asyncio.sleep(CHECK_INTERVAL)
                await self._check_writers()
                await self._check_states()
        finally:
            self._is_running = False
            # `end_tasks` may cancel this task several times, which must not interrupt the cleanup.
            await asyncio.shield(end_tasks(self._tasks.values()))

    async def drain(self) -> None:
        """Write until no event waits, or Redis accepts no more of them."""
        await asyncio.gather(*(self._drain(writer) for writer in list(self._writers.values())))
        # Writes to other nodes may have added entries for the wake stream.
        await self._flush(self._writer_at(self._nodes.of(self._shared_keys.wake_key)))

    async def flush(self) -> None:
        """Write everything that is due, and return when every node has answered."""
        await asyncio.gather(*(self._flush(writer) for writer in list(self._writers.values())))

    async def _keep_writing(self, writer: NodeWriter) -> None:
        while True:
            await writer.wait_until_due()
            await self._flush(writer)

    async def _drain(self, writer: NodeWriter) -> None:
        writer.schedule_all()
        before = -1
        while (unwritten := writer.unwritten_due) and unwritten != before:
            before = unwritten
            await self._flush(writer)

    async def _flush(self, writer: NodeWriter) -> None:
        async with writer.flushing:
            for moved in writer.take_moved():
                self._home_of(moved.symbol).add(moved)
            fenced_by = await writer.flush()
            if fenced_by is not None:
                self.follow()
                self._leadership.fence(fenced_by)
        self._drop_departed()

    def _home_of(self, symbol: str) -> NodeWriter:
        """Return the writer of the node that has the symbol's keys."""
        return self._writer_at(self._nodes.of(book_key(symbol)))

    def _writer_at(self, node: RedisNode) -> NodeWriter:
        writer = self._writers.get(node)
        if writer is None:
            writer = self._writers[node] = NodeWriter(
                node,
                self._nodes,
                self._leadership,
                self._load,
                self._room,
                self._shared_keys,
                self._troubles,
                self._tuning,
            )
            self._room.add(writer)
            if self._is_running:
                self._start(writer)
        return writer

    def _share_limit(self) -> None:
        if self._limit.share_among(len(self._symbols)):
            for writer in self._symbols.values():
                writer.queue.grant_room()
        self._room.frames_at_once = max(1, self._limit.max_events // 2)

    def _wake_writer(self, node: RedisNode) -> None:
        self._writer_at(node).wake()

    def _start(self, writer: NodeWriter) -> None:
        self._tasks[writer] = asyncio.create_task(self._keep_writing(writer))

    async def _check_writers(self) -> None:
        """Raise the exception of a writer that failed; end writers of removed nodes."""
        for task in self._tasks.values():
            if task.done():
                task.result()
        for writer in list(self._writers.values()):
            if writer.is_useless:
                del self._writers[writer.node]
                self._room.remove(writer)
                writer.retire()
                await end_tasks([self._tasks.pop(writer)])

    async def _check_states(self) -> None:
        """Repeat states: all of them at long intervals, and missing ones at once."""
        if monotonic() >= self._next_states:
            self._next_states = monotonic() + self._tuning.states_interval
            self._shared_keys.repeat_all()
        for symbol in await self._unlisted():
            self._shared_keys.repeat(symbol)

    async def _unlisted(self) -> set[str]:
        """Return the symbols that `<venue>:symbols` lacks, because another program deleted them."""
        if not self._leadership.is_leading:
            return set()
        try:
            key = self._shared_keys.symbols_key
            names = await self._nodes.call(key, "HKEYS", key)
        except (RedisError, OSError):
            # The writers log the errors of Redis.
            return set()
        pairs = (cast("bytes", name).decode(errors="replace") for name in names)
        listed = {symbol_of(self._venue, pair) for pair in pairs}
        return self._symbols.keys() - listed

    def _drop_departed(self) -> None:
        for symbol in list(self._departing):
            writer = self._symbols[symbol]
            if writer.is_idle:
                self._departing.discard(symbol)
                self._left_at[symbol] = writer.queue.seq
                del self._symbols[symbol]
                self._share_limit()
                writer.home.remove(symbol)
                self._shared_keys.repeat(symbol)
                self._drop_troubles(symbol)

    def _drop_troubles(self, symbol: str) -> None:
        for name in (symbol, book_key(symbol), events_key(symbol)):
            self._troubles.drop(name)
