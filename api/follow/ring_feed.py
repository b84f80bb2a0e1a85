"""Read events from Redis and append them to rings.

Only started rings are read: they have a position after which events can be appended. Coroutines
raise redis.RedisError or OSError if Redis does not answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from time import time
from weakref import WeakKeyDictionary

from redis.exceptions import ClusterDownError, MovedError

from api.follow.event_log import SseEvent, render_sse
from api.follow.ring import Ring
from api.store.coalesce import SingleFlight
from api.store.corrupt_keys import CorruptKeys
from api.store.metrics import EVENTS_READ, READ_LAG
from api.store.stream_entry import (
    MAX_ENTRIES,
    StreamEntry,
    entries_in,
    follows,
    id_order,
    went_back,
)
from api.store.trace import is_tracing, trace_read
from kraken_book.contract.keys import events_key
from kraken_book.position import Position
from runtime.cooperate import Cooperator
from runtime.logs import get_logger
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

# The most entries that one read of all rings of a node returns: 10 MB in a reply, and some times
# that as objects. Rings that have more are read again at once.
MAX_ENTRIES_TOGETHER = 20_000
# A read of many rings still makes progress in each.
MIN_ENTRIES = 10


class RingFeed:
    """Reads the streams of started rings, in one round trip for all rings of a node.

    Args:
        nodes: The nodes of Redis.
        corrupt: The record of corrupt keys.
        max_entries: The most entries of one stream that one read returns.
        max_together: The most entries of all streams that one read returns, unless there are so
            many streams that each would have less than MIN_ENTRIES.
    """

    def __init__(
        self,
        nodes: Nodes,
        corrupt: CorruptKeys,
        max_entries: int = MAX_ENTRIES,
        max_together: int = MAX_ENTRIES_TOGETHER,
    ) -> None:
        self._nodes = nodes
        self._corrupt = corrupt
        self._max_entries = max_entries
        self._max_together = max_together
        self._catching_up = SingleFlight(self.catch_up)
        # One read of a node at a time: concurrent ones would return the same events twice.
        self._locks: WeakKeyDictionary[RedisNode, asyncio.Lock] = WeakKeyDictionary()
        # The last corrupt entry of a full read without an event; the next read begins after it.
        self._passed: WeakKeyDictionary[Ring, str] = WeakKeyDictionary()
        self._traces = is_tracing()

    def node_of(self, ring: Ring) -> RedisNode:
        """Return the node that has the stream of a ring."""
        return self._nodes.of(events_key(ring.symbol))

    async def catch_up(self, *rings: Ring) -> None:
        """Read the streams of rings to their ends, each at its node."""
        by_node: dict[RedisNode, list[Ring]] = {}
        for ring in rings:
            by_node.setdefault(self.node_of(ring), []).append(ring)
        for node, rings_of_node in by_node.items():
            await self.read(node, rings_of_node)

    async def reach(self, ring: Ring, position: Position) -> None:
        """Read a ring's stream until the ring has `position`, which the stream already has."""
        # The first `get` may join a read that began before the stream had it.
        for _ in range(2):
            if ring.is_started and ring.last.position < position:
                await self._catching_up.get(ring)

    async def read(self, node: RedisNode, rings: Collection[Ring], *, moves: int = 1) -> None:
        """Read streams at `node` to their ends, and append the events to their rings.

        If a stream has moved to another node, it is read there; `moves` limits how often. The
        follower's next sweep reads streams that moved more often.
        """
        for ring in rings:
            # Readers of a ring that is not started wait for a book. There may be one now.
            if not ring.is_started:
                ring.wake()
        rings = [ring for ring in rings if ring.is_started]
        moved: list[Ring] = []
        async with self._locks.setdefault(node, asyncio.Lock()):
            while rings:
                most = self._most_of_each(len(rings))
                # `send` returns an error of one key in its reply, so the others are read.
                replies = await self._nodes.send(node, [self._command(r, most) for r in rings])
                rings, moved_now = await self.append_replies(rings, replies, most)
                moved += moved_now
        for ring in moved:
            other = self.node_of(ring)
            if other is not node and moves:
                await self.read(other, [ring], moves=moves - 1)

    async def append_replies(
        self, rings: Sequence[Ring], replies: Sequence[object], most: int = MAX_ENTRIES
    ) -> tuple[list[Ring], list[Ring]]:
        """Append the events in `replies`.

        Args:
            rings: The rings that were read.
            replies: The reply for each ring: entries, or the error of its key.
            most: The most entries of a reply. One that has as many is full.

        Returns:
            The rings that may have more entries in Redis, because their replies were full, and the
            rings with a stream at another node.
        """
        full: list[Ring] = []
        moved: list[Ring] = []
        cooperator = Cooperator()
        for ring, reply in zip(rings, replies, strict=True):
            await cooperator.pause()
            if isinstance(reply, ClusterDownError):
                # An error of the cluster. `entries_in` would record it as one of the key.
                raise reply
            if isinstance(reply, MovedError):
                moved.append(ring)
                continue
            last = ring.last
            self.append(ring, entries_in(ring.symbol, reply, self._corrupt))
            if isinstance(reply, list) and len(reply) >= most and ring.is_started:
                if ring.last is last:
                    # All entries were corrupt: the next read must begin after them.
                    self._passed[ring] = reply[-1][0].decode()
                full.append(ring)
        return full, moved

    def append(self, ring: Ring, entries: list[StreamEntry]) -> None:
        """Append the events after the ring's last one; restart the ring if events are missing."""
        if not ring.is_started:
            return
        appended: list[StreamEntry] = []
        for entry in entries:
            # The follower's wait on streams and a read may both return an event.
            if entry.position <= ring.last.position:
                continue
            if not follows(entry, ring.last.position):
                last = ring.last
                log.warning("events missing, ring restarted", symbol=ring.symbol, after=last.id)
                ring.restart("redis" if went_back(entry, last.position) else "trimmed")
                break
            ring.append(SseEvent(entry.position, entry.id, render_sse(entry.id, entry.data)))
            appended.append(entry)
        if appended:
            EVENTS_READ.inc(len(appended))
            _observe_lag(ring.symbol, appended[0].id)
            if self._traces:
                trace_read(ring.symbol, appended)
        ring.wake()

    def note_stream_id(self, ring: Ring, stream_id: str) -> None:
        """Forget a skipped corrupt entry if the stream's last event is not after it.

        The next read begins after the ring's last event again. Otherwise it would find nothing if a
        skipped entry had an id in the future and was deleted, because new events have smaller ids.

        Args:
            ring: The ring.
            stream_id: The id of the stream's last event.
        """
        passed = self._passed.get(ring)
        if passed is not None and id_order(stream_id) <= id_order(passed):
            del self._passed[ring]

    def _most_of_each(self, rings: int) -> int:
        """Return the most entries of each stream for a read of so many."""
        return min(self._max_entries, max(MIN_ENTRIES, self._max_together // rings))

    def _command(self, ring: Ring, most: int) -> Command:
        after = ring.last.id
        passed = self._passed.get(ring)
        if passed is not None:
            if id_order(passed) > id_order(after):
                after = passed
            else:
                del self._passed[ring]
        return ("XRANGE", events_key(ring.symbol), f"({after}", "+", "COUNT", most)


def _observe_lag(symbol: str, event_id: str) -> None:
    lag = time() - id_order(event_id)[0] / 1000
    # Redis's clock may be ahead of this machine's.
    if lag >= 0:
        READ_LAG.observe_event(lag, symbol, event_id)
