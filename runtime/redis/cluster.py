"""A Redis Cluster: the master of each key, from `CLUSTER SLOTS` and from redirections.

Each node has a plain client. redis-py's cluster client is not used, because it retries calls,
including writes, and waits for all nodes if one is slow
(docs/adr/0006-no-cluster-client-of-redis-py.md). Only its slot arithmetic is used.
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

from kraken_book.hosts import is_port
from runtime.logs import get_logger
from runtime.redis.errors import describe
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import ping_node
from runtime.redis.url import Address
from runtime.service import end_tasks

log = get_logger(__name__)

# If a node does not return the topology within this time, the next one is asked.
TOPOLOGY_TIMEOUT = 1.0
# The shortest time between two requests for the topology, however many calls fail.
TOPOLOGY_INTERVAL = 0.2
# More redirections of one call are taken for a circle.
MAX_REDIRECTIONS = 5
# Symbols are few, but each client of an api may have keys.
MAX_KNOWN_KEYS = 50_000


class ClusterNodes:
    """The masters of a cluster.

    Until the topology is known, calls go to the first seed, which redirects them.

    Args:
        connect: Creates the client of a node.
        seeds: Addresses of some nodes.
    """

    has_slots = True

    def __init__(self, connect: Callable[[Address], RedisNode], seeds: Sequence[Address]) -> None:
        self._connect = connect
        self._seeds = tuple(seeds)
        self._clients: dict[Address, RedisNode] = {}
        self._preferred = self._seeds[0]
        first = self._client(self._seeds[0])
        self._slots = [first] * REDIS_CLUSTER_HASH_SLOTS
        self._all: Collection[RedisNode] = (first,)
        self.topology = 0
        # A look-up is faster than the arithmetic.
        self._slot_of: dict[str, int] = {}
        # Nodes that answer the request for the topology with an error.
        self._refusing: set[Address] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self._is_closed = False

    def of(self, key: str) -> RedisNode:
        """Return the master of `key` in the last known topology."""
        slot = self._slot_of.get(key)
        if slot is None:
            if len(self._slot_of) >= MAX_KNOWN_KEYS:
                self._slot_of.clear()
            slot = self._slot_of[key] = key_slot(key.encode())
        return self._slots[slot]

    def all(self) -> Collection[RedisNode]:
        """Return every master that has slots."""
        return self._all

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        """Return the replies of `node`, errors among them.

        If a slot is being moved and the key is already at its destination, the command is sent
        there.

        Args:
            node: The node.
            commands: Commands with one-word names.

        Raises:
            redis.exceptions.RedisError: It is unknown which commands were executed.
            OSError: It is unknown which commands were executed.
            asyncio.CancelledError: The caller's deadline was shorter than the client's timeout.
        """
        try:
            replies = await node.exchange(commands)
        except (RedisError, OSError, asyncio.CancelledError):
            self._refresh_topology()
            raise
        for index, reply in enumerate(replies):
            if not isinstance(reply, ResponseError):
                continue
            if isinstance(reply, MovedError):
                self._note_move(reply)
            elif isinstance(reply, AskError):
                replies[index] = await self._send_asking(reply, commands[index])
            elif isinstance(reply, ClusterDownError):
                self._refresh_topology()
        return replies

    async def call(self, key: str, *command: EncodableT) -> Any:
        """Return the reply of the node of `key`, or raise redis.RedisError or OSError."""
        reply: Any = None
        for _ in range(MAX_REDIRECTIONS):
            (reply,) = await self.send(self.of(key), [command])
            if not isinstance(reply, MovedError):
                break
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def ping(self, reads: Sequence[Command] = ()) -> None:
        """Return as soon as one node answers and permits `reads`.

        If none does, raise the redis.RedisError or OSError of the last one.
        """
        error: RedisError | OSError | None = None
        pings = [asyncio.create_task(_ping_error(node, reads)) for node in self._all]
        try:
            for answer in asyncio.as_completed(pings):
                error = await answer
                if error is None:
                    return
        finally:
            for task in pings:
                task.cancel()
        self._refresh_topology()
        raise error or RedisError("the cluster has no nodes")

    async def aclose(self) -> None:
        """Close every connection."""
        self._is_closed = True
        if self._refreshing is not None:
            await end_tasks([self._refreshing])
        for client in self._clients.values():
            await client.aclose()

    def _client(self, address: Address) -> RedisNode:
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = self._connect(address)
        return client

    def _note_move(self, error: MovedError) -> None:
        """Update one slot from a MOVED error; `CLUSTER SLOTS` may show the move only later."""
        if _names_node(error):
            client = self._client(Address(error.host, error.port))
            self._slots[error.slot_id] = client
            self._all = {*self._all, client}
            self.topology += 1
        self._refresh_topology()

    async def _send_asking(self, error: AskError, command: Command) -> Any:
        """Return the reply, or the error, of the node that a slot is being moved to."""
        if not _names_node(error):
            return error
        client = self._client(Address(error.host, error.port))
        try:
            _, reply = await client.exchange([("ASKING",), command])
        except (RedisError, OSError) as failed:
            return failed
        return reply

    def _refresh_topology(self) -> None:
        if not self._is_closed and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.create_task(self._request_topology())

    async def _request_topology(self) -> None:
        addresses = dict.fromkeys((self._preferred, *self._clients, *self._seeds))
        for address in addresses:
            try:
                async with asyncio.timeout(TOPOLOGY_TIMEOUT):
                    (reply,) = await self._client(address).exchange([("CLUSTER", "SLOTS")])
            except (RedisError, OSError) as error:
                log.debug("cluster topology request failed", node=str(address), error=str(error))
            else:
                if isinstance(reply, Exception):
                    self._log_refusal(address, reply)
                    continue
                self._refusing.discard(address)
                self._preferred = address
                await self._apply_topology(reply, address)
                break
        await asyncio.sleep(TOPOLOGY_INTERVAL)

    def _log_refusal(self, address: Address, error: Exception) -> None:
        """Log the refusal of a node, once until the node returns the topology."""
        if address not in self._refusing:
            self._refusing.add(address)
            trouble = describe(error)
            log.error(
                "cluster topology refused",
                node=str(address),
                reason=trouble.reason.value,
                error=trouble.text,
            )

    async def _apply_topology(self, reply: Iterable[Sequence[Any]], source: Address) -> None:
        masters: dict[Address, RedisNode] = {}
        for first, last, (host, port, *_), *_ in reply:
            # A node that does not know its own host has the one that we reached it by.
            address = Address((host or b"").decode() or source.host, port)
            if not is_port(port):
                # The slots keep their node, whose `MOVED` is reported to the caller.
                continue
            client = masters[address] = self._client(address)
            self._slots[first : last + 1] = [client] * (last + 1 - first)
        if not masters:
            return
        self._all = set(masters.values())
        self.topology += 1
        gone = [each for each in self._clients if each not in masters and each not in self._seeds]
        log.debug("cluster topology received", masters=[str(each) for each in masters])
        for address in gone:
            self._refusing.discard(address)
            await self._clients.pop(address).aclose()


def _names_node(error: AskError) -> bool:
    """Return whether a redirection has an address to which a client can connect."""
    return bool(error.host) and is_port(error.port)


async def _ping_error(node: RedisNode, reads: Sequence[Command]) -> RedisError | OSError | None:
    try:
        await ping_node(node, reads)
    except (RedisError, OSError) as error:
        return error
    return None
