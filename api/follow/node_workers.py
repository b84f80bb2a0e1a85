"""One task at a time for each node of Redis, so that a slow node holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from runtime.redis.exchange import RedisNode
from runtime.service import end_tasks


class NodeWorkers:
    """Runs `work` for nodes; they do not wait for each other."""

    def __init__(self, work: Callable[[RedisNode], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._running: dict[RedisNode, asyncio.Task[None]] = {}

    async def run(self, due: Collection[RedisNode], nodes: Collection[RedisNode]) -> None:
        """Start the work of each node in `due`, and return when one of `nodes` is idle.

        A node whose work is under way is left to it. Raise what work raised.
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
        """Return when the work of one node has ended; at once if none is under way."""
        if self._running:
            await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)

    def is_busy(self, node: RedisNode) -> bool:
        """Return whether the work of `node` is under way."""
        task = self._running.get(node)
        return task is not None and not task.done()

    async def end(self) -> None:
        """Cancel the work of all nodes."""
        # Whoever ends this asks more than once, and must not interrupt it.
        await asyncio.shield(end_tasks(self._running.values()))

    def _reap(self) -> None:
        for node, task in list(self._running.items()):
            if task.done():
                del self._running[node]
                task.result()
