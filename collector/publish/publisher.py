"""Who writes which book, and whether: the roster of symbols over the nodes of Redis.

Closed until it leads. Each node has a writer of its own, so that none waits for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import cast

from redis.exceptions import RedisError

from collector.feed.books import SymbolBook
from collector.feed.link import FeedLoad
from collector.publish.node_writer import Head, NodeWriter
from collector.publish.outbox import Outbox, Room
from collector.publish.shared_keys import Announcements
from collector.publish.symbol_writes import SymbolWrites
from collector.report.troubles import Troubles
from kraken_book.contract.keys import SYMBOLS, WAKE, book_key, events_key
from kraken_book.contract.write import Retention
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes
from runtime.service import end_tasks

# So often is looked whether every writer still runs.
LOOK_SECONDS = 0.5
# What `kraken:symbols` says is written again at least so often: what is there may be damaged.
STATES_SECONDS = 10.0


class Publisher:
    """The one writer of its books.

    `on_fenced` is called when a newer epoch has written.
    """

    def __init__(
        self,
        nodes: Nodes,
        retention: Retention,
        shard: str,
        load: FeedLoad,
        troubles: Troubles | None = None,
        states_seconds: float = STATES_SECONDS,
    ) -> None:
        self._states_seconds = states_seconds
        self._nodes = nodes
        self._retention = retention
        self.on_fenced: Callable[[int], None] = lambda _epoch: None
        self._troubles = troubles or Troubles()
        self._announcements = Announcements(nodes, lambda node: self._writer_at(node).wake())
        self._head = Head(
            shard=shard,
            announcements=self._announcements,
            troubles=self._troubles,
            load=load,
            is_leading=lambda: self.leading,
            on_moved=self._settle_in,
            on_fenced=self._fenced,
            on_flushed=self._let_go,
        )
        self._symbols: dict[str, SymbolWrites] = {}
        self._room = Room()
        self._homes: dict[str, NodeWriter] = {}
        self._writers: dict[RedisNode, NodeWriter] = {}
        # Whose symbols are followed no more; each goes once nothing of it waits.
        self._leaving: set[str] = set()
        # The last number of each that has gone in this epoch, should it come back.
        self._left_at: dict[str, int] = {}
        self._epoch: int | None = None
        self._is_running = False
        self._tasks: dict[NodeWriter, asyncio.Task[None]] = {}
        self._next_states = 0.0

    @property
    def leading(self) -> bool:
        """Whether it writes."""
        return self._epoch is not None

    @property
    def waiting(self) -> int:
        """How many events Redis is not known to have yet."""
        return sum(writes.left for writes in self._symbols.values())

    def add(self, book: SymbolBook) -> Outbox:
        """Write what happens to `book`, from what is known of it now, through this outbox."""
        held = self._symbols.get(book.symbol)
        if held is not None:
            # It has left, and something of it still waits: that goes first.
            self._leaving.discard(book.symbol)
            held.outbox.carry(book)
            return held.outbox
        outbox = Outbox(book, self._on_waiting, self._room)
        writes = self._symbols[book.symbol] = SymbolWrites(outbox, self._retention)
        self._room.share_among(len(self._symbols))
        self._settle_in(writes)
        outbox.carry(book)
        if self._epoch is not None:
            writes.lead(self._epoch, self._left_at.pop(book.symbol, 0))
        return outbox

    def remove(self, symbol: str) -> None:
        """Write what still waits of this book, and then nothing more."""
        self._leaving.add(symbol)
        if self.leading:
            self._homes[symbol].is_due(self._symbols[symbol])
        else:
            self._let_go()

    def lead(self, epoch: int) -> None:
        """Write from now on, under `epoch`, beginning with every book or its absence."""
        self._epoch = epoch
        self._left_at.clear()
        self._announcements.say_all_again()
        for writes in self._symbols.values():
            writes.lead(epoch)

    def follow(self) -> None:
        """Write no more."""
        self._epoch = None
        for writes in self._symbols.values():
            writes.resign()
        self._let_go()
        self._left_at.clear()

    async def run(self) -> None:
        """Write for ever, to each node by itself; raises what a writer failed with."""
        self._is_running = True
        try:
            for writer in self._writers.values():
                self._start(writer)
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                await self._look_over()
        finally:
            self._is_running = False
            # Who ends this asks more than once, and must not break it off.
            await asyncio.shield(end_tasks(self._tasks.values()))

    async def drain(self) -> None:
        """Write until nothing waits, or Redis takes no more of it."""
        await asyncio.gather(*(writer.drain() for writer in list(self._writers.values())))
        await self._writer_at(self._nodes.of(WAKE)).flush()

    async def flush(self) -> None:
        """Write what waits now, and return when every node has answered."""
        await asyncio.gather(*(writer.flush() for writer in list(self._writers.values())))

    def _on_waiting(self, outbox: Outbox) -> None:
        self._homes[outbox.symbol].is_due(self._symbols[outbox.symbol])

    def _settle_in(self, writes: SymbolWrites) -> None:
        """Have the symbol written to the node that has its keys now."""
        writer = self._writer_at(self._nodes.of(book_key(writes.symbol)))
        self._homes[writes.symbol] = writer
        writer.take_in(writes)

    def _writer_at(self, node: RedisNode) -> NodeWriter:
        writer = self._writers.get(node)
        if writer is None:
            writer = self._writers[node] = NodeWriter(node, self._nodes, self._head)
            if self._is_running:
                self._start(writer)
        return writer

    def _start(self, writer: NodeWriter) -> None:
        self._tasks[writer] = asyncio.create_task(writer.run())

    async def _look_over(self) -> None:
        """What is to be done now and then, and by nobody else."""
        for task in self._tasks.values():
            if task.done():
                task.result()
        for writer in list(self._writers.values()):
            if writer.is_of_no_use:
                del self._writers[writer.node]
                writer.retire()
                await end_tasks([self._tasks.pop(writer)])
        if monotonic() >= self._next_states:
            self._next_states = monotonic() + self._states_seconds
            self._announcements.say_all_again()
        for symbol in await self._unlisted():
            self._announcements.say_again(symbol)

    async def _unlisted(self) -> set[str]:
        """Return the symbols that `kraken:symbols` lacks: it was deleted, or a part of it."""
        if not self.leading:
            return set()
        try:
            names = await self._nodes.call(SYMBOLS, "HKEYS", SYMBOLS)
        except (RedisError, OSError):
            # The writers say what is wrong with Redis.
            return set()
        listed = {cast("bytes", name).decode(errors="replace") for name in names}
        return self._symbols.keys() - listed

    def _fenced(self, epoch: int) -> None:
        self.follow()
        self.on_fenced(epoch)

    def _let_go(self) -> None:
        for symbol in list(self._leaving):
            writes = self._symbols[symbol]
            if writes.idle:
                self._leaving.discard(symbol)
                self._left_at[symbol] = writes.outbox.seq
                del self._symbols[symbol]
                self._room.share_among(len(self._symbols))
                self._homes.pop(symbol).let_go(symbol)
                self._announcements.say_again(symbol)
                for name in (symbol, book_key(symbol), events_key(symbol)):
                    self._troubles.over(name, "this symbol is followed no more")
