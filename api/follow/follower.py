"""Follows the streams of all rings: the one part of the process that waits for new events.

It waits for a wake, then reads, in one round trip to each node, the streams that were written and
are followed. It waits for few streams themselves. A sweep each second covers a wake that was lost.
A node that does not answer holds up the streams of no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from time import monotonic
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from api.follow.node_workers import NodeWorkers
from api.follow.ring import Ring
from api.follow.ring_feed import RingFeed
from api.follow.ring_registry import RingRegistry
from api.follow.sweep import Sweep
from api.follow.wake import Wake
from api.store.metrics import REDIS_UP
from api.store.stream_entry import StreamReply, id_order
from kraken_book.contract.keys import WAKE
from runtime.logs import get_logger
from runtime.redis.errors import describe
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

SWEEP_INTERVAL = 1.0
RETRY_INTERVAL = 0.25
# How long a node of several may answer late before the others go on without it.
MAX_LATENESS = 0.25


class Follower:
    """Feeds the rings of the registry.

    Args:
        nodes: The nodes of Redis.
        registry: The rings to feed.
        feed: Appends to them.
        sweep: Reads what a wake did not name.
        wake: Waits for new events.
        sweep_interval: How often each node is swept, in seconds.
    """

    def __init__(
        self,
        nodes: Nodes,
        registry: RingRegistry,
        feed: RingFeed,
        sweep: Sweep,
        wake: Wake,
        sweep_interval: float = SWEEP_INTERVAL,
    ) -> None:
        self._nodes = nodes
        self._registry = registry
        self._feed = feed
        self._sweep = sweep
        self._wake = wake
        self._sweep_interval = sweep_interval
        self._workers = NodeWorkers(self._follow_node)
        # Rings whose streams have been written and are to be read, by symbol.
        self._written: dict[str, Ring] = {}
        self._swept_at: WeakKeyDictionary[RedisNode, float] = WeakKeyDictionary()
        # What was logged of each node that does not answer.
        self._outages: WeakKeyDictionary[RedisNode, str] = WeakKeyDictionary()

    async def run(self) -> None:
        """Feed the rings for ever."""
        try:
            while True:
                await self._round()
        finally:
            await self._workers.end()

    async def _round(self) -> None:
        """Learn what was written, and have each node read; wait only while all nodes are busy."""
        due = self._next_sweep_in()
        if due > 0:
            await self._learn_written(due)
        nodes = {self._feed.node_of(ring) for ring in self._written.values()}
        nodes.update(node for node in self._nodes.all() if self._sweep_in(node) <= 0)
        if nodes:
            await self._workers.run(nodes, self._nodes.all())

    def _next_sweep_in(self) -> float:
        """Return in how many seconds the next idle node is to be swept."""
        idle = (node for node in self._nodes.all() if not self._workers.is_busy(node))
        return min(map(self._sweep_in, idle), default=self._sweep_interval)

    def _sweep_in(self, node: RedisNode) -> float:
        return self._swept_at.get(node, 0.0) + self._sweep_interval - monotonic()

    async def _learn_written(self, seconds: float) -> None:
        """Note the rings whose streams were written; wait for one at most `seconds`."""
        node = self._nodes.of(WAKE)
        rings: Collection[Ring]
        try:
            rings = await self._wait_for_written(seconds, node)
        except (RedisError, OSError) as error:
            self._log_outage(node, error)
            # Without a wake every stream may have been written.
            rings = self._registry.rings
            self._swept_at.pop(node, None)
            await asyncio.sleep(RETRY_INTERVAL)
        else:
            self._log_recovery(node)
        for ring in rings:
            self._written[ring.symbol] = ring

    async def _wait_for_written(self, seconds: float, node: RedisNode) -> list[Ring]:
        is_alone = len(self._nodes.all()) == 1
        if node in self._outages:
            seconds = min(seconds, RETRY_INTERVAL)
        # The streams of other nodes must not wait for the client's timeout of one that hangs.
        async with asyncio.timeout(None if is_alone else seconds + MAX_LATENESS):
            woken = await self._wake.wait(seconds, self._registry.rings)
        full = await self._append_waited_on(woken.streams)
        named = [ring for ring in self._registry.rings if ring.symbol in woken.symbols]
        return full + [ring for ring in named if not (ring.started and ring in woken.streams)]

    async def _append_waited_on(self, streams: Mapping[Ring, StreamReply]) -> list[Ring]:
        """Append what a wait brought; return the rings that have more."""
        # A ring whose stream was not written must not wake its readers.
        replies = {ring: reply for ring, reply in streams.items() if reply}
        full, _ = await self._feed.append_replies(list(replies), list(replies.values()))
        for ring, reply in replies.items():
            if ring.started and id_order(reply[-1][0].decode()) > id_order(ring.last.id):
                self._wake.stuck(ring)
        # Read at once: if more rings are followed by then, the next wait is for the wake alone.
        return full

    async def _follow_node(self, node: RedisNode) -> None:
        """Read what is due of a node; again until it has been read or the node is gone."""
        while node in self._nodes.all() or self._written_at(node):
            try:
                if self._sweep_in(node) <= 0:
                    await self._sweep.run(node)
                    self._swept_at[node] = monotonic()
                while rings := self._written_at(node):
                    for ring in rings:
                        del self._written[ring.symbol]
                    await self._feed.read(node, rings)
            except (RedisError, OSError) as error:
                self._log_outage(node, error)
                self._swept_at.pop(node, None)
                await asyncio.sleep(RETRY_INTERVAL)
            else:
                # Of the wake's node only the wait says whether it answers: a sweep of nothing
                # asks nobody.
                if node is not self._nodes.of(WAKE):
                    self._log_recovery(node)
                return

    def _written_at(self, node: RedisNode) -> list[Ring]:
        return [ring for ring in self._written.values() if self._feed.node_of(ring) is node]

    def _log_outage(self, node: RedisNode, error: Exception) -> None:
        REDIS_UP.set(0)
        trouble = describe(error, node)
        if self._outages.get(node) != trouble.says:
            self._outages[node] = trouble.says
            event = f"{trouble.says}, streams stay open and wait"
            log.error(
                event,
                reason=trouble.reason.value,
                error=trouble.text,
                advice=trouble.advice,
            )

    def _log_recovery(self, node: RedisNode) -> None:
        if node in self._outages:
            del self._outages[node]
            log.info("redis is back")
        REDIS_UP.set(not any(each in self._outages for each in self._nodes.all()))
