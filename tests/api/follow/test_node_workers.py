"""Each node's work runs independently of the others."""

from __future__ import annotations

import asyncio

import pytest

from api.follow.node_workers import NodeWorkers
from lab.waiting import async_wait_until
from runtime.redis.exchange import RedisNode

ONE, OTHER = RedisNode(port=1), RedisNode(port=2)
BOTH = (ONE, OTHER)


class Work:
    """Work that lasts until its node's gate opens."""

    def __init__(self) -> None:
        self.begun: list[RedisNode] = []
        self.gates = {node: asyncio.Event() for node in BOTH}

    async def __call__(self, node: RedisNode) -> None:
        self.begun.append(node)
        await self.gates[node].wait()


async def test_slow_node_delays_no_other_node() -> None:
    work = Work()
    workers = NodeWorkers(work)
    work.gates[OTHER].set()
    for _ in range(3):
        await workers.run(BOTH, BOTH)
        await async_wait_until(lambda: not workers.is_busy(OTHER))
    assert work.begun.count(OTHER) == 3
    assert work.begun.count(ONE) == 1
    assert workers.is_busy(ONE)
    await workers.end()
    assert not workers.is_busy(ONE)


async def test_run_waits_for_one_node_if_all_are_busy() -> None:
    work = Work()
    workers = NodeWorkers(work)
    running = asyncio.create_task(workers.run(BOTH, BOTH))
    await async_wait_until(lambda: len(work.begun) == 2)
    assert not running.done()
    work.gates[ONE].set()
    await running
    assert not workers.is_busy(ONE)
    await workers.end()


async def test_exception_of_work_is_raised_by_the_next_run() -> None:
    async def fail(node: RedisNode) -> None:
        raise ZeroDivisionError

    workers = NodeWorkers(fail)
    await workers.run([ONE], BOTH)
    await workers.wait_for_one()
    with pytest.raises(ZeroDivisionError):
        await workers.run([], BOTH)
    with pytest.raises(ZeroDivisionError):
        await workers.run([ONE], [ONE])
