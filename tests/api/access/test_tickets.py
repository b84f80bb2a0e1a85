"""Tickets while Redis restarts or does not answer."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.typing import EncodableT

from api.access.permission import Denied, Permission
from api.access.tickets import Tickets
from api.store.errors import RedisAway
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode

DESK = Permission("token:desk")


class FailingNodes(OneNode):
    """A server whose next calls fail."""

    def __init__(self, redis: RedisNode) -> None:
        super().__init__(redis)
        self.faults: list[Exception] = []
        self.does_execute = False

    async def call(self, key: str, *command: EncodableT) -> Any:
        if not self.faults:
            return await super().call(key, *command)
        if self.does_execute:
            await super().call(key, *command)
        raise self.faults.pop(0)


@pytest.fixture
def nodes(redis: RedisNode) -> FailingNodes:
    return FailingNodes(redis)


@pytest.fixture
def tickets(nodes: FailingNodes) -> Tickets:
    return Tickets(nodes)


@pytest.mark.parametrize("does_execute", [False, True], ids=["command lost", "reply lost"])
async def test_lost_connection_is_replaced_and_opens_no_ticket_twice(
    nodes: FailingNodes, tickets: Tickets, *, does_execute: bool
) -> None:
    nodes.does_execute = does_execute
    nodes.faults = [RedisConnectionError("closed")]
    ticket = await tickets.issue(DESK)
    nodes.faults = [RedisConnectionError("closed")]
    if does_execute:
        with pytest.raises(Denied, match="POST /tickets for another"):
            await tickets.redeem(ticket)
    else:
        assert await tickets.redeem(ticket) == DESK
    with pytest.raises(Denied):
        await tickets.redeem(ticket)


@pytest.mark.parametrize(
    "faults",
    [
        [RedisConnectionError("closed"), RedisConnectionError("refused")],
        [RedisTimeoutError("late")],
        [NoPermissionError("no permissions to run the 'getdel' command")],
        [OSError("no route")],
    ],
    ids=lambda faults: type(faults[0]).__name__,
)
async def test_redis_that_does_not_answer_is_an_error_that_may_pass(
    nodes: FailingNodes, tickets: Tickets, faults: list[Exception]
) -> None:
    ticket = await tickets.issue(DESK)
    nodes.faults = list(faults)
    with pytest.raises(RedisAway) as caught:
        await tickets.redeem(ticket)
    assert caught.value.is_passing
    assert ticket not in str(caught.value)
    nodes.faults = list(faults)
    with pytest.raises(RedisAway):
        await tickets.issue(DESK)
