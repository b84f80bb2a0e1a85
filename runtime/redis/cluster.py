"""A Redis Cluster: which master has a key, learnt from the nodes and from what they refuse.

Each node has a plain client, and of redis-py's cluster client only the arithmetic of slots is used:
that client repeats calls by itself, writes too, and waits for all nodes if one is slow
(docs/adr/0006-no-cluster-client-of-redis-py.md).
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

# A node that does not tell the topology in this time is passed over.
LOOK_TIMEOUT = 1.0
# The topology is asked for at most once in this time, however many calls fail.
LOOK_INTERVAL = 0.2
# A call that is sent on this many times goes round in a circle.
MAX_MOVES = 5


class ClusterNodes:
    """The masters of a cluster.

    Until a node has answered, the first seed is taken to have every key: its refusal names the
    node that has it.

    Args:
        connect: Makes the client of a node.
        seeds: Addresses of some nodes.
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
        """Return the master that has `key`, as far as it is known."""
        slot = self._slot_of.get(key)
        if slot is None:
            slot = self._slot_of[key] = key_slot(key.encode())
        return self._slots[slot]

    def all(self) -> Collection[RedisNode]:
        """Return every master that has slots."""
        return self._all

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        """Return the replies of `node`; raise as `Nodes.send` does.

        A command whose key has already moved with its slot is sent to the slot's next node.
        """
        try:
            replies = await node.exchange(commands)
        except (RedisError, OSError, asyncio.CancelledError):
            # A caller with a short deadline gives up before the client does.
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
        """Return the reply of the node of `key`, or raise redis.RedisError or OSError."""
        reply: Any = None
        for _ in range(MAX_MOVES):
            (reply,) = await self.send(self.of(key), [command])
            if not isinstance(reply, MovedError):
                break
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Return as soon as a node answers and permits `reads`.

        Raises:
            redis.RedisError: No node does.
            OSError: The same.
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
        """Note where a slot is; a node that it has left says so before the topology does."""
        if error.host:
            client = self._client(Address(error.host, error.port))
            self._slots[error.slot_id] = client
            self._all = {*self._all, client}
            self.topology += 1
        self._look_again()

    async def _ask(self, error: AskError, command: Command) -> Any:
        """Return the reply, or the error, of the node that a slot is moving to."""
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
                async with asyncio.timeout(LOOK_TIMEOUT):
                    (reply,) = await self._client(address).exchange([("CLUSTER", "SLOTS")])
            except (RedisError, OSError) as error:
                log.debug("a node does not say the topology", node=str(address), error=str(error))
            else:
                if isinstance(reply, Exception):
                    self._log_no_topology(address, reply)
                    continue
                self._mute.discard(address)
                self._asked_first = address
                await self._learn(reply, address)
                break
        await asyncio.sleep(LOOK_INTERVAL)

    def _log_no_topology(self, address: Address, error: Exception) -> None:
        """Log once that a node tells no topology, until it does."""
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
            # A node that does not know its own name is where it was reached.
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
