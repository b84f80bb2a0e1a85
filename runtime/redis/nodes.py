"""The servers behind a Redis URL, each with its client: one server, or the masters of a cluster.

A command goes to the node of its key. Commands for several keys are grouped by node, so that a node
that does not answer does not delay the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from redis.exceptions import NoPermissionError, ResponseError
from redis.typing import EncodableT

from runtime.redis.errors import Reason, describe
from runtime.redis.exchange import Command, RedisNode


class Nodes(Protocol):
    """Interface of a server or a cluster."""

    def of(self, key: str) -> RedisNode:
        """Return the node of `key`; the same object until the key moves to another node."""

    def all(self) -> Collection[RedisNode]:
        """Return every node that has keys."""

    @property
    def has_slots(self) -> bool:
        """Return whether all keys of a command must be in the same slot."""

    @property
    def topology(self) -> int:
        """Return a number that changes whenever a key may have moved to another node."""

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        """Return the replies of `node` to commands in one round trip, errors among them.

        If a reply is a redirection, its command was not executed: send it again to the node `of`
        its key. If redis.RedisError or OSError is raised, it is unknown which commands were
        executed.

        Args:
            node: The node.
            commands: Commands with one-word names, which select redis-py's types of their replies.
        """

    async def call(self, key: str, *command: EncodableT) -> Any:
        """Return the reply of the node of `key`, or raise redis.RedisError or OSError."""

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Check that a node answers and permits `reads`; raise redis.RedisError or OSError."""

    async def aclose(self) -> None:
        """Close every connection."""


async def ping_node(node: RedisNode, reads: Sequence[Command] = ()) -> None:
    """Check that `node` answers and permits `reads`.

    A server that cannot save its data refuses PING, but still answers reads, so its error is
    ignored. Other errors among the replies to `reads` are ignored too, because another node may
    have their keys. If the connection fails, redis.RedisError or OSError is raised.

    Raises:
        redis.exceptions.ResponseError: The server refuses PING, or the user may not execute one of
            `reads`.
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
        """Return the server's replies; see `Nodes.send`."""
        return await node.exchange(commands)

    async def call(self, key: str, *command: EncodableT) -> Any:  # noqa: ARG002 - as above
        """Return the server's reply, or raise redis.RedisError or OSError."""
        (reply,) = await self._redis.exchange([command])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Check that the server answers and permits `reads`; see `Nodes.ping`."""
        await ping_node(self._redis, reads)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._redis.aclose()
