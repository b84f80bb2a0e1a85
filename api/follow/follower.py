"""Follow the streams of one venue's rings: the only part of the process that waits for new events.

The follower waits for a wake, then reads the followed streams that were written, in one round trip
to each node. If it follows only a few streams, it also waits on the streams themselves. A sweep
every second covers lost wakes. A node that does not answer delays no other node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from time import monotonic
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from api.follow.node_workers import NodeWorkers
from api.follow.outages import Outages
from api.follow.ring import Ring
from api.follow.ring_feed import RingFeed
from api.follow.ring_registry import RingRegistry
from api.follow.sweep import Sweep
from api.follow.wake import Wake
from api.store.stream_entry import StreamReply, id_order
from kraken_book.contract.keys import wake_key
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

SWEEP_INTERVAL = 1.0
RETRY_INTERVAL = 0.25
# Seconds that the node of the wake may be late before the other nodes are read without a wake.
MAX_LATENESS = 0.25


class Follower:
    """Keeps the rings of one venue up to date.

    Args:
        venue: The venue.
        nodes: The nodes of Redis.
        registry: The rings of all venues.
        feed: Reads events and appends them to the rings.
        sweep: Finds events that no wake named.
        wake: Waits for new events of the venue.
        outages: Receives the errors of Redis.
        sweep_interval: Seconds between two sweeps of a node.
    """

    def __init__(
        self,
        venue: str,
        nodes: Nodes,
        registry: RingRegistry,
        feed: RingFeed,
        sweep: Sweep,
        wake: Wake,
        outages: Outages,
        sweep_interval: float = SWEEP_INTERVAL,
    ) -> None:
        self._nodes = nodes
        self._rings = registry.of(venue)
        self._wake_key = wake_key(venue)
        self._outages = outages
        self._feed = feed
        self._sweep = sweep
        self._wake = wake
        self._sweep_interval = sweep_interval
        self._workers = NodeWorkers(self._follow_node)
        # Rings with written streams that are not read yet, by symbol.
        self._written: dict[str, Ring] = {}
        self._swept_at: WeakKeyDictionary[RedisNode, float] = WeakKeyDictionary()

    async def run(self) -> None:
        """Follow until the task is cancelled."""
        try:
            while True:
                await self._round()
        finally:
            await self._workers.end()

    async def _round(self) -> None:
        """Wait for writes, then start to read each node; block only while all nodes are busy."""
        due = self._next_sweep_in()
        if due > 0:
            await self._wait_for_writes(due)
            if not self._written:
                return
        nodes = {self._feed.node_of(ring) for ring in self._written.values()}
        nodes.update(node for node in self._nodes.all() if self._sweep_in(node) <= 0)
        if nodes:
            await self._workers.run(nodes, self._nodes.all())

    def _next_sweep_in(self) -> float:
        """Return the seconds until the next sweep of an idle node is due."""
        idle = (node for node in self._nodes.all() if not self._workers.is_busy(node))
        return min(map(self._sweep_in, idle), default=self._sweep_interval)

    def _sweep_in(self, node: RedisNode) -> float:
        return self._swept_at.get(node, 0.0) + self._sweep_interval - monotonic()

    async def _wait_for_writes(self, seconds: float) -> None:
        """Wait at most `seconds` for writes, and record the rings of written streams."""
        node = self._nodes.of(self._wake_key)
        rings: Collection[Ring]
        try:
            rings = await self._wait_for_wake(seconds, node)
        except (RedisError, OSError) as error:
            self._outages.begin(node, error)
            # Without a wake, any stream may have been written.
            rings = self._rings
            self._swept_at.pop(node, None)
            await asyncio.sleep(RETRY_INTERVAL)
        else:
            self._outages.end(node)
        for ring in rings:
            self._written[ring.symbol] = ring

    async def _wait_for_wake(self, seconds: float, node: RedisNode) -> list[Ring]:
        if self._outages.has(node):
            seconds = min(seconds, RETRY_INTERVAL)
        if len(self._nodes.all()) == 1:
            woken = await self._wake.wait(seconds, self._rings)
        else:
            # If this node hangs, the others must not wait for the client's longer timeout.
            async with asyncio.timeout(seconds + MAX_LATENESS):
                woken = await self._wake.wait(seconds, self._rings)
        full = await self._append_waited_on(woken.streams)
        if not woken.symbols:
            return full
        named = [ring for ring in self._rings if ring.symbol in woken.symbols]
        return full + [ring for ring in named if not (ring.is_started and ring in woken.streams)]

    async def _append_waited_on(self, streams: Mapping[Ring, StreamReply]) -> list[Ring]:
        """Append the entries that the wait returned; return the rings with more in Redis."""
        # Empty replies are skipped, so that only readers of written streams wake.
        replies = {ring: reply for ring, reply in streams.items() if reply}
        full, _ = await self._feed.append_replies(list(replies), list(replies.values()))
        for ring, reply in replies.items():
            if ring.is_started and id_order(reply[-1][0].decode()) > id_order(ring.last.id):
                self._wake.note_stuck(ring)
        # The caller reads them at once, because the next wait may not include their streams.
        return full

    async def _follow_node(self, node: RedisNode) -> None:
        """Sweep a node if due and read its written streams; retry until it succeeds."""
        while node in self._nodes.all() or self._written_at(node):
            try:
                if self._sweep_in(node) <= 0:
                    await self._sweep.run(node, self._rings)
                    self._swept_at[node] = monotonic()
                while rings := self._written_at(node):
                    for ring in rings:
                        del self._written[ring.symbol]
                    await self._feed.read(node, rings)
            except (RedisError, OSError) as error:
                self._outages.begin(node, error)
                self._swept_at.pop(node, None)
                await asyncio.sleep(RETRY_INTERVAL)
            else:
                # The wait for the wake can fail alone: `_wait_for_writes` logs its recovery.
                if node is not self._nodes.of(self._wake_key):
                    self._outages.end(node)
                return

    def _written_at(self, node: RedisNode) -> list[Ring]:
        return [ring for ring in self._written.values() if self._feed.node_of(ring) is node]
