"""Run one task at a time for each node of Redis, so that a slow node delays no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from runtime.redis.exchange import RedisNode
from runtime.service import end_tasks


class NodeWorkers:
    """Runs `work` for each node, independently of the other nodes."""

    def __init__(self, work: Callable[[RedisNode], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._running: dict[RedisNode, asyncio.Task[None]] = {}

    async def run(self, due: Collection[RedisNode], nodes: Collection[RedisNode]) -> None:
        """Start the work of each idle node in `due`, and return when one of `nodes` is idle.

        Exceptions of finished work are raised here.
        """
        self._reap()
        if len(nodes) == len(due) == 1 and not self._running:
            # A single node needs no task.
            await self._work(*due)
            return
        for node in due:
            if node not in self._running:
                self._running[node] = asyncio.create_task(self._work(node))
        while self._running and all(node in self._running for node in nodes):
            await self.wait_for_one()
            self._reap()

    async def wait_for_one(self) -> None:
        """Wait until the work of one node has ended; return at once if none is running."""
        if self._running:
            await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)

    def is_busy(self, node: RedisNode) -> bool:
        """Return whether the work of `node` is running."""
        task = self._running.get(node)
        return task is not None and not task.done()

    async def end(self) -> None:
        """Cancel the work of all nodes."""
        # `end_tasks` cancels repeatedly, which must not interrupt this.
        await asyncio.shield(end_tasks(self._running.values()))

    def _reap(self) -> None:
        for node, task in list(self._running.items()):
            if task.done():
                del self._running[node]
                task.result()
