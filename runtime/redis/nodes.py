"""The servers that keep our keys, each with a client of its own: one, or a cluster's masters.

A call is made on the node that has its key. Calls of several keys are sent together to each node,
so that a node that does not answer does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from redis.exceptions import NoPermissionError, ResponseError
from redis.typing import EncodableT

from runtime.redis.errors import Reason, describe
from runtime.redis.exchange import Command, RedisNode


class Nodes(Protocol):
    """Interface of one server or a cluster: which node has a key, and what it replies."""

    def of(self, key: str) -> RedisNode:
        """Return the node that has `key`, as far as it is known; one object as long as it does."""

    def all(self) -> Collection[RedisNode]:
        """Return every node that has keys."""

    @property
    def has_slots(self) -> bool:
        """Return whether all keys of a command must be in one slot, even if one node has both."""

    @property
    def topology(self) -> int:
        """Return a number that changes whenever a key may have moved to another node."""

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        """Return the replies of `node` to commands in one round trip, errors among them.

        A command that was refused because its key is elsewhere was not carried out: send it again
        to the node `of` its key.

        Args:
            node: The node.
            commands: Commands whose name is a single word.

        Raises:
            redis.RedisError: It is not known which commands were carried out.
            OSError: The same.
        """

    async def call(self, key: str, *command: EncodableT) -> Any:
        """Return the reply of the node of `key`, or raise redis.RedisError or OSError."""

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Return if a node answers and permits `reads`, or raise redis.RedisError or OSError."""

    async def aclose(self) -> None:
        """Close every connection."""


async def ping_node(node: RedisNode, reads: Sequence[Command] = ()) -> None:
    """Return if `node` answers and permits `reads`, or raise redis.RedisError or OSError.

    A server that cannot save refuses PING along with writes, and goes on answering reads. Of the
    replies to `reads` only a lack of permission counts: their keys may be another node's.
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
        """Return the server."""
        return self._redis

    def all(self) -> Collection[RedisNode]:
        """Return the server."""
        return self._all

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        """Return the server's replies; raise as `Nodes.send` does."""
        return await node.exchange(commands)

    async def call(self, key: str, *command: EncodableT) -> Any:  # noqa: ARG002 - as above
        """Return the server's reply, or raise redis.RedisError or OSError."""
        (reply,) = await self._redis.exchange([command])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Return if the server answers and permits `reads`, or raise what it meets."""
        await ping_node(self._redis, reads)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
