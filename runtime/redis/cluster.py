"""A Redis Cluster: which master has a key, learnt from the nodes and from what they refuse.

redis-py's own cluster client repeats calls by itself, writes too, and waits for all nodes where one
is slow; so only its arithmetic of slots is used here, and each node has a plain client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    RedisError,
    ResponseError,
)
from redis.typing import EncodableT

from runtime.logs import get_logger
from runtime.redis.errors import describe
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import ping_node
from runtime.redis.url import Address
from runtime.service import end_tasks

log = get_logger(__name__)

# A node that does not say the topology in this time is passed over.
LOOK_LIMIT_SECONDS = 1.0
# The topology is asked for at most so often, however many calls fail.
LOOK_SECONDS = 0.2
# A call that is sent on so often goes round in a circle.
MOST_MOVES = 5


class ClusterNodes:
    """The masters of a cluster, found by any of the `seeds`; `connect` makes a node's client.

    Until a node has answered, the first seed is taken to have every key: it will say who has it.
    """

    has_slots = True

    def __init__(self, connect: Callable[[Address], RedisNode], seeds: Sequence[Address]) -> None:
        self._connect = connect
        self._seeds = tuple(seeds)
        self._clients: dict[Address, RedisNode] = {}
        self._asked_first = self._seeds[0]
        first = self._client(self._seeds[0])
        self._slots = [first] * REDIS_CLUSTER_HASH_SLOTS
        self._all: Collection[RedisNode] = (first,)
        self.topology = 0
        # Symbols are few, and the arithmetic is slower than a look-up.
        self._slot_of: dict[str, int] = {}
        # Nodes that answer and tell no topology.
        self._mute: set[Address] = set()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def of(self, key: str) -> RedisNode:
        """The master that has `key`, as far as it is known."""
        slot = self._slot_of.get(key)
        if slot is None:
            slot = self._slot_of[key] = key_slot(key.encode())
        return self._slots[slot]

    def all(self) -> Collection[RedisNode]:
        """Every master that has slots."""
        return self._all

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        """The replies of `node`; raises as `Nodes.send` does.

        What a slot on its way to another node has taken with it is asked there.
        """
        try:
            replies = await node.exchange(commands)
        except (RedisError, OSError, asyncio.CancelledError):
            # Who waits no longer than a moment gives up before the client does.
            self._look_again()
            raise
        for index, reply in enumerate(replies):
            if not isinstance(reply, ResponseError):
                continue
            if isinstance(reply, MovedError):
                self._moved(reply)
            elif isinstance(reply, AskError):
                replies[index] = await self._ask(reply, commands[index])
            elif isinstance(reply, ClusterDownError):
                self._look_again()
        return replies

    async def call(self, key: str, *command: EncodableT) -> Any:
        """The reply of the node of `key`; raises redis.RedisError or OSError."""
        reply: Any = None
        for _ in range(MOST_MOVES):
            (reply,) = await self.send(self.of(key), [command])
            if not isinstance(reply, MovedError):
                break
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Return as soon as a node answers and permits `reads`.

        Raises redis.RedisError or OSError if none does.
        """
        error: RedisError | OSError | None = None
        asking = [asyncio.create_task(_ping(node, reads)) for node in self._all]
        try:
            for answer in asyncio.as_completed(asking):
                error = await answer
                if error is None:
                    return
        finally:
            for task in asking:
                task.cancel()
        self._look_again()
        raise error or RedisError("the cluster has no nodes")

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._looking is not None:
            await end_tasks([self._looking])
        for client in self._clients.values():
            await client.aclose()

    def _client(self, address: Address) -> RedisNode:
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = self._connect(address)
        return client

    def _moved(self, error: MovedError) -> None:
        """The slot is another's: one that has just left says so before it is in the topology."""
        if error.host:
            client = self._client(Address(error.host, error.port))
            self._slots[error.slot_id] = client
            self._all = {*self._all, client}
            self.topology += 1
        self._look_again()

    async def _ask(self, error: AskError, command: Command) -> Any:
        """The reply, or the error, of the node that a slot is moving to."""
        if not error.host:
            return error
        client = self._client(Address(error.host, error.port))
        try:
            _, reply = await client.exchange([("ASKING",), command])
        except (RedisError, OSError) as failed:
            return failed
        return reply

    def _look_again(self) -> None:
        if not self._closed and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        addresses = dict.fromkeys((self._asked_first, *self._clients, *self._seeds))
        for address in addresses:
            try:
                async with asyncio.timeout(LOOK_LIMIT_SECONDS):
                    (reply,) = await self._client(address).exchange([("CLUSTER", "SLOTS")])
            except (RedisError, OSError) as error:
                log.debug("a node does not say the topology", node=str(address), error=str(error))
            else:
                if isinstance(reply, Exception):
                    self._say_no_topology(address, reply)
                    continue
                self._mute.discard(address)
                self._asked_first = address
                await self._learn(reply, address)
                break
        await asyncio.sleep(LOOK_SECONDS)

    def _say_no_topology(self, address: Address, error: Exception) -> None:
        """Log it once, until the node tells the topology."""
        if address not in self._mute:
            self._mute.add(address)
            trouble = describe(error)
            log.error(
                "a node tells no topology",
                node=str(address),
                reason=trouble.reason.value,
                error=trouble.text,
            )

    async def _learn(self, reply: Iterable[Sequence[Any]], asked: Address) -> None:
        masters: dict[Address, RedisNode] = {}
        for first, last, (host, port, *_), *_ in reply:
            # A node that does not know its own name means: where you have reached me.
            address = Address((host or b"").decode() or asked.host, port)
            client = masters[address] = self._client(address)
            self._slots[first : last + 1] = [client] * (last + 1 - first)
        if not masters:
            return
        self._all = set(masters.values())
        self.topology += 1
        gone = [each for each in self._clients if each not in masters and each not in self._seeds]
        log.debug("topology", masters=[str(each) for each in masters])
        for address in gone:
            self._mute.discard(address)
            await self._clients.pop(address).aclose()


async def _ping(node: RedisNode, reads: Sequence[Command]) -> RedisError | OSError | None:
    try:
        await ping_node(node, reads)
    except (RedisError, OSError) as error:
        return error
    return None
