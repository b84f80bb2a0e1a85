"""Reads of the same things that are asked for at the same time, made once.

Of each node one read is on its way at a time. Who asks meanwhile waits for the next, and shares it
with all who come until it is sent: so a read never answers a request that came after it was sent,
and what was acknowledged before a request is in its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)
Value = TypeVar("Value")


class _Gathered(Generic[Value]):
    """What the next read of a node is to bring, and who waits for it."""

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}
        self.waiting: list[asyncio.Future[Mapping[str, Value]]] = []


class SharedReads(Generic[Node, Value]):
    """Asks `read` for what is wanted of a node; what that raises is raised to all who wait for it.

    A request that is cancelled ends no other's.
    """

    def __init__(
        self, read: Callable[[Node, Collection[str]], Awaitable[Mapping[str, Value]]]
    ) -> None:
        self._read = read
        # Of a node that is being read.
        self._gathered: dict[Node, _Gathered[Value]] = {}
        self._reading: dict[Node, asyncio.Task[None]] = {}

    async def get(self, node: Node, keys: Collection[str]) -> Mapping[str, Value]:
        """What a read that begins after this call brings of `keys`, and maybe of others."""
        loop = asyncio.get_running_loop()
        gathered = self._gathered.get(node)
        if gathered is None:
            gathered = self._gathered[node] = _Gathered()
            self._reading[node] = loop.create_task(self._read_all(node))
        gathered.keys.update(dict.fromkeys(keys))
        waiter: asyncio.Future[Mapping[str, Value]] = loop.create_future()
        gathered.waiting.append(waiter)
        return await waiter

    async def _read_all(self, node: Node) -> None:
        """Read until nobody waits."""
        while (gathered := self._gathered[node]).waiting:
            self._gathered[node] = _Gathered()
            try:
                found = await self._read(node, gathered.keys)
            except Exception as error:  # noqa: BLE001 - told to all who wait, or they would for ever
                for waiter in _still_there(gathered):
                    waiter.set_exception(error)
            else:
                for waiter in _still_there(gathered):
                    waiter.set_result(found)
        del self._gathered[node], self._reading[node]


def _still_there(gathered: _Gathered[Value]) -> list[asyncio.Future[Mapping[str, Value]]]:
    return [waiter for waiter in gathered.waiting if not waiter.done()]
