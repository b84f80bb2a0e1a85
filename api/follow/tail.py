"""The one reader of Redis in this process: follows the streams that somebody here reads.

It waits for a wake, then reads, in one round trip to each node, the streams that were written and
are followed; few it waits for themselves. A sweep each second covers a wake that was lost, and
learns how old each book is. A node that does not answer holds up the streams of no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from time import monotonic
from typing import cast
from weakref import WeakKeyDictionary

from redis.exceptions import ClusterDownError, MovedError, RedisError, ResponseError

from api.follow.api_events import Opening, status_frame
from api.follow.buffer import Buffer
from api.follow.frame_log import Frame, sse_frame
from api.follow.node_workers import Lanes
from api.follow.ring import Ring
from api.follow.wake import Wake
from api.metrics import EVENTS_READ, FOLLOWED, REDIS_UP
from api.store.book_store import BookStore, BookWithAge, is_wrong_type
from api.store.single_flight import JoinedRead
from api.store.stream_entry import (
    MOST_ENTRIES,
    Entry,
    StreamReply,
    entries_in,
    follows,
    id_order,
    unbroken,
    went_back,
)
from kraken_book.contract.keys import WAKE, events_key
from kraken_book.event import Status
from kraken_book.position import Position
from runtime.cooperate import Turns
from runtime.logs import get_logger
from runtime.redis.errors import describe
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

SWEEP_SECONDS = 1.0
RETRY_SECONDS = 0.25
# A node of several that has not answered so long after it should is not waited for.
LATE_SECONDS = 0.25
# What one reader is read at once: about one write at depth 10. Each may wait with its own.
PAGE_ENTRIES = 128
# Pages that are read at once past entries that are no events; Redis has some thousand pages of one
# stream at most.
MAX_SKIPPED_PAGES = 64
NEVER = float("-inf")
# How many readers are read pages at once: a thousand that come back must not take all connections.
MOST_OWN_READS = 16


class Tail:
    """Feeds the rings; books older than `max_age` seconds are told to be stale."""

    def __init__(
        self, nodes: Nodes, store: BookStore, max_age: float, buffer: Buffer | None = None
    ) -> None:
        self._buffer = Buffer() if buffer is None else buffer
        self._nodes = nodes
        self._store = store
        self._max_age = max_age
        self._rings: dict[str, Ring] = {}
        self._lanes = Lanes(self._follow_node)
        self._openings = JoinedRead(self._read_opening)
        self._starting = JoinedRead(self._start_with_past)
        self._catching_up = JoinedRead(self.catch_up)
        self._entries = JoinedRead(self._read_entry)
        self._pages = JoinedRead(self._read_page)
        self._own_reads = asyncio.Semaphore(MOST_OWN_READS)
        # One at a time: two reads from one place would append its events twice.
        self._reading: WeakKeyDictionary[RedisNode, asyncio.Lock] = WeakKeyDictionary()
        # Whose streams have been written and are to be read.
        self._written: dict[str, Ring] = {}
        self._corrupt = store.corrupt
        self._wake = Wake(nodes, self._corrupt)
        self._swept: WeakKeyDictionary[RedisNode, float] = WeakKeyDictionary()
        # Nodes that do not answer, and what was last said of each.
        self._away: WeakKeyDictionary[RedisNode, str] = WeakKeyDictionary()
        # Up to which id the entries after a ring's last event were read, and are no events.
        self._passed: WeakKeyDictionary[Ring, str] = WeakKeyDictionary()

    def follow(self, symbol: str) -> Ring:
        """The ring of `symbol`, fed until as many `unfollow` it."""
        ring = self._rings.get(symbol)
        if ring is None:
            ring = self._rings[symbol] = Ring(symbol, self._buffer)
            FOLLOWED.set(len(self._rings))
        ring.readers += 1
        return ring

    def unfollow(self, ring: Ring) -> None:
        """One reader less."""
        ring.readers -= 1
        if not ring.readers and self._rings.get(ring.symbol) is ring:
            del self._rings[ring.symbol]
            ring.close()
            FOLLOWED.set(len(self._rings))

    async def follow_streams(self) -> None:
        """Feed the rings, for ever."""
        try:
            while True:
                await self._round()
        finally:
            await self._lanes.end()

    async def watch_ages(self) -> None:
        """Tell readers when a book becomes too old, and when it is right again, for ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for ring in self._rings.values():
                self.tell_age(ring)
                if ring.joining:
                    ring.wake()

    def note_book(self, ring: Ring, book: BookWithAge) -> None:
        """Keep when the book was last known to match Kraken, and tell readers what follows."""
        if book.age_ms is not None:
            ring.confirmed = monotonic() - book.age_ms / 1000
        elif book.hash.snapshot is not None:
            # Nothing credible says when: it counts as never confirmed.
            ring.confirmed = NEVER
        self.tell_age(ring)

    def tell_age(self, ring: Ring) -> None:
        """Tell the readers of a started ring when its book becomes too old, or right again."""
        stale = bool(ring.confirmed) and monotonic() - ring.confirmed > self._max_age
        if ring.started and stale != ring.stale:
            status: Status = "stale" if stale else "live"
            sse = status_frame(ring.symbol, status, "age" if stale else None)
            ring.tell_stale(sse, stale=stale)

    async def catch_up(self, *rings: Ring) -> None:
        """Bring started rings to where Redis is now; raises redis.RedisError or OSError."""
        by_node: dict[RedisNode, list[Ring]] = {}
        for ring in rings:
            by_node.setdefault(self._node_of(ring), []).append(ring)
        for node, its in by_node.items():
            await self._read(node, its)

    async def time(self) -> int:
        """The clock of the node that is furthest behind, in milliseconds.

        Of those that answer; raises redis.RedisError or OSError where none does.
        """
        asking = [self._time_of(node) for node in self._nodes.all()]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        times = [answer for answer in answers if isinstance(answer, int)]
        for answer in answers:
            if isinstance(answer, BaseException) and not times:
                raise answer
        return min(times)

    async def reach(self, ring: Ring, position: Position) -> None:
        """Bring a started ring to `position`, where Redis has been; raises as `catch_up` does."""
        # A read that is under way may have begun before Redis was there; the one after it has not.
        for _ in range(2):
            if ring.started and ring.last.position < position:
                await self._catching_up.of(ring)

    async def start(self, ring: Ring, opening: Opening) -> None:
        """Start a ring at a book, and bring it to where Redis is now; raises as above."""
        ring.start(opening.position, opening.book.hash.event_id)
        self.tell_age(ring)
        # A book may be written later than its events.
        await self.catch_up(ring)

    async def start_with_past(self, ring: Ring) -> None:
        """Start a ring with the newest events of its stream, where it has any; raises as above.

        So those who come back together, from a replica that went, find theirs in memory.
        """
        await self._starting.of(ring)

    async def _start_with_past(self, ring: Ring) -> None:
        key = events_key(ring.symbol)
        try:
            reply = await self._nodes.call(key, "XREVRANGE", key, "+", "-", "COUNT", MOST_ENTRIES)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            entries_in(ring.symbol, error, self._corrupt)
            return
        entries = unbroken(entries_in(ring.symbol, reply[::-1], self._corrupt))
        if entries and not ring.started:
            ring.start(entries[0].position, entries[0].id)
            self._append(ring, entries[1:])
            # The wake for what was written since may have come while there was nothing to go on.
            await self.catch_up(ring)

    async def opening(self, ring: Ring) -> Opening | None:
        """The book to join a ring at, read once for all who join meanwhile; raises as above."""
        return await self._openings.of(ring)

    async def _read_opening(self, ring: Ring) -> Opening | None:
        book = await self._store.book(ring.symbol)
        if book is None or book.position is None:
            return None
        self.note_book(ring, book)
        return Opening(book, book.position)

    async def page(self, symbol: str, after_id: str) -> list[Entry]:
        """Up to PAGE_ENTRIES of a stream after an id; raises redis.RedisError or OSError."""
        return await self._pages.of((symbol, after_id))

    async def oldest(self, symbol: str) -> Entry | None:
        """The first entry of a stream, None where it is empty; raises as `page` does."""
        found = entries_in(symbol, await self._range(symbol, "-", "+", 1), self._corrupt)
        return found[0] if found else None

    async def entry(self, symbol: str, event_id: str) -> Entry | None:
        """The entry with this id, None where it is not there; raises as `page` does."""
        return await self._entries.of((symbol, event_id))

    async def _read_page(self, after: tuple[str, str]) -> list[Entry]:
        symbol, after_id = after
        for _ in range(MAX_SKIPPED_PAGES):
            reply = await self._range(symbol, f"({after_id}", "+", PAGE_ENTRIES)
            entries = entries_in(symbol, reply, self._corrupt)
            if entries or len(reply) < PAGE_ENTRIES:
                return entries
            after_id = reply[-1][0].decode()
        return []

    async def _read_entry(self, which: tuple[str, str]) -> Entry | None:
        symbol, event_id = which
        reply = await self._range(symbol, event_id, event_id, 1)
        found = entries_in(symbol, reply, self._corrupt)
        return found[0] if found else None

    async def _range(self, symbol: str, first: str, last: str, count: int) -> StreamReply:
        """Return at most `count` entries of a stream, none if its key holds something else."""
        key = events_key(symbol)
        try:
            async with self._own_reads:
                reply = await self._nodes.call(key, "XRANGE", key, first, last, "COUNT", count)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            entries_in(symbol, error, self._corrupt)
            return []
        return cast("StreamReply", reply)

    def _node_of(self, ring: Ring) -> RedisNode:
        return self._nodes.of(events_key(ring.symbol))

    async def _round(self) -> None:
        """Learn what was written, and have each node read; wait only where all nodes are busy."""
        due = self._sweep_in()
        if due > 0:
            await self._learn_written(due)
        nodes = {self._node_of(ring) for ring in self._written.values()}
        nodes.update(node for node in self._nodes.all() if self._due_in(node) <= 0)
        if nodes:
            await self._lanes.run(nodes, self._nodes.all())

    def _sweep_in(self) -> float:
        """In how many seconds a node that is free is to be swept."""
        free = (node for node in self._nodes.all() if not self._lanes.is_busy(node))
        return min(map(self._due_in, free), default=SWEEP_SECONDS)

    def _due_in(self, node: RedisNode) -> float:
        return self._swept.get(node, 0.0) + SWEEP_SECONDS - monotonic()

    async def _learn_written(self, seconds: float) -> None:
        """Note the followed streams that were written; waits for one at most so long."""
        node = self._nodes.of(WAKE)
        try:
            rings = await self._woken(seconds, node)
        except (RedisError, OSError) as error:
            self._say_away(node, error)
            # Without a word of what was written, all is looked at that other nodes have.
            rings = self._rings.values()
            self._swept.pop(node, None)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            self._say_back(node)
        for ring in rings:
            self._written[ring.symbol] = ring

    async def _woken(self, seconds: float, node: RedisNode) -> Collection[Ring]:
        """The followed rings whose streams were written; raises redis.RedisError or OSError."""
        alone = len(self._nodes.all()) == 1
        if node in self._away:
            seconds = min(seconds, RETRY_SECONDS)
        # The others' streams cannot wait as long as the client does for a node that hangs.
        async with asyncio.timeout(None if alone else seconds + LATE_SECONDS):
            woken = await self._wake.wait(seconds, self._rings.values())
        full = await self._take_waited_on(woken.streams)
        named = [ring for symbol, ring in self._rings.items() if symbol in woken.symbols]
        return full + [ring for ring in named if not (ring.started and ring in woken.streams)]

    async def _take_waited_on(self, streams: Mapping[Ring, StreamReply]) -> list[Ring]:
        """Append what a wait brought; of which rings there is more."""
        # Readers of what was not written must not look again at each write of another.
        came = {ring: reply for ring, reply in streams.items() if reply}
        full, _ = await self._take(list(came), list(came.values()))
        for ring, reply in came.items():
            if ring.started and id_order(reply[-1][0].decode()) > id_order(ring.last.id):
                self._wake.stuck(ring)
        # Read on now: where more is followed by then, the next wait is for the wake alone.
        return full

    async def _follow_node(self, node: RedisNode) -> None:
        """Read what is due of a node, as often as it takes while it is one."""
        while node in self._nodes.all() or self._written_at(node):
            try:
                if self._due_in(node) <= 0:
                    await self._sweep(node)
                while rings := self._written_at(node):
                    for ring in rings:
                        del self._written[ring.symbol]
                    await self._read(node, rings)
            except (RedisError, OSError) as error:
                self._say_away(node, error)
                self._swept.pop(node, None)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                # Where nobody follows anything, only the wait for a wake asks Redis.
                if node is not self._nodes.of(WAKE):
                    self._say_back(node)
                return

    def _written_at(self, node: RedisNode) -> list[Ring]:
        return [ring for ring in self._written.values() if self._node_of(ring) is node]

    async def _sweep(self, node: RedisNode) -> None:
        rings = [ring for ring in self._rings.values() if ring.started]
        rings = [ring for ring in rings if self._node_of(ring) is node]
        now = await self._time_of(node)
        # Noted first: what a reader catches up with meanwhile is newer than the books are.
        last_ids = [ring.last.id for ring in rings]
        books = await self._store.books([ring.symbol for ring in rings]) if rings else []
        behind, swept = [], []
        for ring, last_id, book in zip(rings, last_ids, books, strict=True):
            if book is None:
                continue
            swept.append(ring)
            self.note_book(ring, book)
            if id_order(book.hash.stream_id) < id_order(last_id):
                log.warning("redis stands before what was read", symbol=ring.symbol, id=last_id)
                ring.restart("redis")
            elif book.hash.stream_id != last_id:
                self._look_again_before(ring, book.hash.stream_id)
                behind.append(ring)
        await self._read(node, behind)
        for ring in swept:
            if ring.started:
                # In the millisecond that was running more may have been written since.
                ring.complete = now - 1
        self._swept[node] = monotonic()

    def _look_again_before(self, ring: Ring, stream_id: str) -> None:
        """Forget what was passed over if the stream has gone on before it, as after a repair."""
        passed = self._passed.get(ring)
        if passed is not None and id_order(stream_id) <= id_order(passed):
            del self._passed[ring]

    async def _time_of(self, node: RedisNode) -> int:
        """The node's clock in milliseconds; raises redis.RedisError or OSError."""
        (reply,) = await self._nodes.send(node, [("TIME",)])
        if isinstance(reply, Exception):
            raise reply
        seconds, microseconds = map(int, reply)
        return seconds * 1000 + microseconds // 1000

    async def _read(self, node: RedisNode, rings: Collection[Ring], *, moves: int = 1) -> None:
        """Append what the rings' streams have after each ring's last event.

        Where a stream has gone to another node it is read there; nodes that send on to each other
        are left to the next sweep.
        """
        for ring in rings:
            # Its readers wait for a book, and there may be one now.
            if not ring.started:
                ring.wake()
        rings = [ring for ring in rings if ring.started]
        moved: list[Ring] = []
        async with self._reading.setdefault(node, asyncio.Lock()):
            while rings:
                # One symbol's key that holds something else must not stop the others.
                replies = await self._nodes.send(node, [self._after_last(ring) for ring in rings])
                rings, gone = await self._take(rings, replies)
                moved += gone
        for ring in moved:
            other = self._node_of(ring)
            if other is not node and moves:
                await self._read(other, [ring], moves=moves - 1)

    async def _take(
        self, rings: Sequence[Ring], replies: Sequence[object]
    ) -> tuple[list[Ring], list[Ring]]:
        """Append what came; of which rings there is more, and which went to another node."""
        full: list[Ring] = []
        moved: list[Ring] = []
        turns = Turns()
        for ring, reply in zip(rings, replies, strict=True):
            await turns.give()
            if isinstance(reply, ClusterDownError):
                raise reply
            if isinstance(reply, MovedError):
                moved.append(ring)
                continue
            last = ring.last
            self._append(ring, entries_in(ring.symbol, reply, self._corrupt))
            if isinstance(reply, list) and len(reply) >= MOST_ENTRIES and ring.started:
                if ring.last is last:
                    # The next read would bring the same again.
                    self._passed[ring] = reply[-1][0].decode()
                full.append(ring)
        return full, moved

    def _after_last(self, ring: Ring) -> Command:
        """Return the command that reads what a ring's stream has after its last event."""
        after = ring.last.id
        passed = self._passed.get(ring)
        if passed is not None:
            if id_order(passed) > id_order(after):
                after = passed
            else:
                del self._passed[ring]
        return ("XRANGE", events_key(ring.symbol), f"({after}", "+", "COUNT", MOST_ENTRIES)

    def _append(self, ring: Ring, entries: list[Entry]) -> None:
        if not ring.started:
            return
        appended = 0
        for entry in entries:
            # Two reads may bring the same: one that waits, and one for somebody who joins.
            if entry.position <= ring.last.position:
                continue
            if not follows(entry, ring.last.position):
                log.warning("events are gone from redis", symbol=ring.symbol, after=ring.last.id)
                ring.restart("redis" if went_back(entry, ring.last.position) else "trimmed")
                break
            ring.append(Frame(entry.position, entry.id, sse_frame(entry.id, entry.data)))
            appended += 1
        # Once: to count costs a fifth of what is done for an event.
        EVENTS_READ.inc(appended)
        ring.wake()

    def _say_away(self, node: RedisNode, error: Exception) -> None:
        REDIS_UP.set(0)
        trouble = describe(error, node)
        if self._away.get(node) != trouble.says:
            self._away[node] = trouble.says
            event = f"{trouble.says}, streams stay open and wait"
            log.error(
                event,
                reason=trouble.reason.value,
                error=trouble.text,
                advice=trouble.advice,
            )

    def _say_back(self, node: RedisNode) -> None:
        if node in self._away:
            del self._away[node]
            log.info("redis is back")
        REDIS_UP.set(not any(each in self._away for each in self._nodes.all()))
