"""Limiters of several replicas over one Redis, and callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from redis.typing import EncodableT

from api.access.caller import Caller
from api.access.limiter import Limiter
from api.access.limits import LimitReached
from api.access.permission import Permission
from kraken_book.access_keys import KeyLimits
from runtime.redis.client import connect_nodes, connect_redis
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import OneNode
from runtime.service import end_tasks

# A busy machine must not make Redis look late.
DEADLINE = 10.0
PROBE_INTERVAL = 0.02


def client_at(address: str, limits: KeyLimits | None = None) -> Caller:
    return Caller(Permission("", limits=limits or KeyLimits()), address)


def key_named(name: str, limits: KeyLimits | None = None) -> Caller:
    return Caller(Permission(name, limits=limits or KeyLimits()), "192.0.2.1")


@asynccontextmanager
async def limiter_of_replica(
    redis_url: str,
    settings: KeyLimits,
    *,
    deadline: float = DEADLINE,
    lease_seconds: float = 15.0,
    renew_interval: float = 5.0,
) -> AsyncIterator[Limiter]:
    """Run a limiter as a replica does."""
    nodes = connect_nodes(redis_url, timeout=60.0)
    limiter = Limiter(
        settings,
        nodes,
        deadline=deadline,
        probe_interval=PROBE_INTERVAL,
        lease_seconds=lease_seconds,
        renew_interval=renew_interval,
    )
    running = [asyncio.create_task(loop) for loop in limiter.loops()]
    try:
        yield limiter
    finally:
        await end_tasks(running)
        await nodes.aclose()


class FaultyNodes(OneNode):
    """A Redis that counts calls, and that answers as `fault` says: an error, or never."""

    def __init__(self, redis: RedisNode) -> None:
        super().__init__(redis)
        self.calls = 0
        self.fault: Exception | Literal["hangs"] | None = None

    async def call(self, key: str, *command: EncodableT) -> Any:
        self.calls += 1
        await self._fail()
        return await super().call(key, *command)

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        await self._fail()
        return await super().send(node, commands)

    async def _fail(self) -> None:
        if self.fault == "hangs":
            await asyncio.Event().wait()
        elif self.fault is not None:
            raise self.fault


@asynccontextmanager
async def limiter_with_faults(
    redis_url: str, settings: KeyLimits, deadline: float = DEADLINE
) -> AsyncIterator[tuple[Limiter, FaultyNodes]]:
    """Run a limiter over a Redis whose faults the test chooses."""
    nodes = FaultyNodes(connect_redis(redis_url, timeout=60.0))
    limiter = Limiter(settings, nodes, deadline=deadline, probe_interval=PROBE_INTERVAL)
    running = [asyncio.create_task(loop) for loop in limiter.loops()]
    try:
        yield limiter, nodes
    finally:
        await end_tasks(running)
        await nodes.aclose()


async def allowed_of(limiter: Limiter, caller: Caller, requests: int) -> int:
    """Send requests one after the other; return how many were allowed."""
    allowed = 0
    for _ in range(requests):
        try:
            await limiter.count("requests", caller)
        except LimitReached:
            continue
        allowed += 1
    return allowed
