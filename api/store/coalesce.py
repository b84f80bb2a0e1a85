"""Two ways to make one read of Redis for many callers.

They differ in how old an answer may be. `SingleFlight` joins a caller to a read in progress, so the
answer may be older than the call. That is right for a stream, which continues from the position
that was read. `BatchedReads` never joins a caller to a read that was sent before the call, so the
answer contains every write that was acknowledged before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
Node = TypeVar("Node", bound=Hashable)
Value = TypeVar("Value")


class SingleFlight(Generic[Key, Answer]):
    """Calls `read` once at a time for each key; concurrent callers share the answer."""

    def __init__(self, read: Callable[[Key], Coroutine[Any, Any, Answer]]) -> None:
        self._read = read
        self._under_way: dict[Key, asyncio.Task[Answer]] = {}

    async def get(self, key: Key) -> Answer:
        """Return the answer for `key`, possibly from a read in progress; raise errors of `read`."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._read(key))
            task.add_done_callback(partial(self._forget, key))
        # Cancelling one caller must not cancel the read of the others.
        return await asyncio.shield(task)

    def _forget(self, key: Key, task: asyncio.Task[Answer]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            # If all callers were cancelled, asyncio would log that nobody retrieved the exception.
            task.exception()


class _Batch(Generic[Value]):
    """The keys of a node's next read, and the callers that wait for it."""

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}
        self.callers: list[asyncio.Future[Mapping[str, Value]]] = []

    def waiting_callers(self) -> list[asyncio.Future[Mapping[str, Value]]]:
        """Return the callers that have not been cancelled."""
        return [caller for caller in self.callers if not caller.done()]


class BatchedReads(Generic[Node, Value]):
    """Calls `read` with one batch of keys at a time for each node; new callers join the next batch.

    An error of `read` is raised to every caller of the batch. Cancelling a caller does not cancel
    the others.
    """

    def __init__(
        self, read: Callable[[Node, Collection[str]], Awaitable[Mapping[str, Value]]]
    ) -> None:
        self._read = read
        # The next batch of each node that is being read.
        self._next: dict[Node, _Batch[Value]] = {}
        self._tasks: dict[Node, asyncio.Task[None]] = {}

    async def get(self, node: Node, keys: Collection[str]) -> Mapping[str, Value]:
        """Return the values of `keys`, and possibly of others, from a read sent after this call."""
        loop = asyncio.get_running_loop()
        batch = self._next.get(node)
        if batch is None:
            batch = self._next[node] = _Batch()
            self._tasks[node] = loop.create_task(self._read_batches(node))
        batch.keys.update(dict.fromkeys(keys))
        caller: asyncio.Future[Mapping[str, Value]] = loop.create_future()
        batch.callers.append(caller)
        return await caller

    async def _read_batches(self, node: Node) -> None:
        """Read batch after batch until no caller waits."""
        while (batch := self._next[node]).callers:
            self._next[node] = _Batch()
            try:
                found = await self._read(node, batch.keys)
            except Exception as error:  # noqa: BLE001 - callers get it, and would wait for ever
                for caller in batch.waiting_callers():
                    caller.set_exception(error)
            else:
                for caller in batch.waiting_callers():
                    caller.set_result(found)
        del self._next[node], self._tasks[node]
