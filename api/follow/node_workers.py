"""One piece of work at a time for each node of Redis, so that a slow one holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from runtime.redis.exchange import RedisNode
from runtime.service import end_tasks


class Lanes:
    """Does `work` for a node when it is started for it; nodes do not wait for each other."""

    def __init__(self, work: Callable[[RedisNode], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._running: dict[RedisNode, asyncio.Task[None]] = {}

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return any(not task.done() for task in self._running.values())

    async def run(self, due: Collection[RedisNode], nodes: Collection[RedisNode]) -> None:
        """Begin the work for each of `due`, and return once one of all `nodes` is free again.

        Where it is under way for a node already, nothing begins. Raises what work raised.
        """
        self._reap()
        if len(nodes) == len(due) == 1 and not self._running:
            # Nothing could overtake the only one, so it needs no task.
            await self._work(*due)
            return
        for node in due:
            if node not in self._running:
                self._running[node] = asyncio.create_task(self._work(node))
        while self._running and all(node in self._running for node in nodes):
            await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
            self._reap()

    async def one_done(self) -> None:
        """Return once a piece of work that is under way has ended; at once where none is."""
        if self._running:
            await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)

    def is_busy(self, node: RedisNode) -> bool:
        """Whether work for `node` is under way."""
        task = self._running.get(node)
        return task is not None and not task.done()

    async def end(self) -> None:
        """Cancel what is under way."""
        # Who ends this asks more than once, and must not break it off.
        await asyncio.shield(end_tasks(self._running.values()))

    def _reap(self) -> None:
        for node, task in list(self._running.items()):
            if task.done():
                del self._running[node]
                task.result()
