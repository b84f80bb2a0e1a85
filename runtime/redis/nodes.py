"""The servers that keep our keys, each a client of its own: one, or a cluster's masters.

A call is made on the node that has its key, and calls of several keys are sent together to each
node, so that a node that does not answer holds up nothing of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from redis.exceptions import NoPermissionError, ResponseError
from redis.typing import EncodableT

from runtime.redis.errors import Reason, describe
from runtime.redis.exchange import Command, RedisNode


class Nodes(Protocol):
    """Which node has a key, and how it is asked."""

    def of(self, key: str) -> RedisNode:
        """The node that has `key`, as far as it is known; the same object as long as it has it."""

    def all(self) -> Collection[RedisNode]:
        """Every node that has keys."""

    @property
    def has_slots(self) -> bool:
        """Whether a command may not name keys of several slots, even where one node has both."""

    @property
    def topology(self) -> int:
        """Another number whenever a key may have come to another node."""

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        """The replies of `node` to single-word commands in one round trip, errors among them.

        Raises redis.RedisError or OSError where it is not known which were carried out. One that
        was refused because its key is elsewhere was not: send it again to the node `of` its key.
        """

    async def call(self, key: str, *command: EncodableT) -> Any:
        """The reply to one command on the node of `key`; raises redis.RedisError or OSError."""

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Return if a node answers and permits `reads`; raises redis.RedisError or OSError."""

    async def aclose(self) -> None:
        """Close every connection."""


async def ping_node(node: RedisNode, reads: Sequence[Command] = ()) -> None:
    """Return if `node` answers and permits `reads`; raises redis.RedisError or OSError.

    A server that cannot save refuses PING along with writes, and goes on answering reads. Only
    whether they are permitted is learnt from `reads`: their keys may be another node's.
    """
    try:
        await node.ping()
    except ResponseError as error:
        if describe(error).reason is not Reason.CANNOT_SAVE:
            raise
    for reply in await node.exchange(reads) if reads else ():
        if isinstance(reply, NoPermissionError):
            raise reply


class OneNode:
    """A single server, or the master that Sentinels name."""

    has_slots = False
    topology = 0

    def __init__(self, redis: RedisNode) -> None:
        self._redis = redis
        self._all = (redis,)

    def of(self, key: str) -> RedisNode:  # noqa: ARG002 - it has every key
        """The server."""
        return self._redis

    def all(self) -> Collection[RedisNode]:
        """The server."""
        return self._all

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        """The server's replies; raises as `Nodes.send` does."""
        return await node.exchange(commands)

    async def call(self, key: str, *command: EncodableT) -> Any:  # noqa: ARG002 - as above
        """The server's reply; raises redis.RedisError or OSError."""
        (reply,) = await self._redis.exchange([command])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Return if the server answers and permits `reads`; raises redis.RedisError or OSError."""
        await ping_node(self._redis, reads)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
