"""How many unused tickets one caller may have."""

from __future__ import annotations

import httpx
import pytest

from api.access.authenticator import Authenticator
from api.access.key_file import KeyFile
from api.access.limits import LimitReached
from api.access.permission import Denied, Permission
from api.access.tickets import KEY_PREFIX, Tickets
from kraken_book.access_keys import permitted_symbols
from lab.waiting import async_wait_until
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.access.written_keys import bearer
from tests.api.http.problem_check import assert_problem
from tests.api.replica import Replica

DESK, LAB = (Permission(name, key_digest=name * 16) for name in ("desk", "lab "))
# For three tickets of a key.
MAX_BYTES = 1200


def make_tickets(redis: RedisNode, seconds: int = 60) -> Tickets:
    return Tickets(OneNode(redis), seconds, MAX_BYTES)


async def issued(tickets: Tickets, permission: Permission) -> list[str]:
    """Issue tickets until one is refused, and return them."""
    found = []
    while True:
        try:
            found.append(await tickets.issue(permission))
        except LimitReached:
            return found


async def test_unused_tickets_of_one_caller_are_bounded_in_bytes(redis: RedisNode) -> None:
    tickets = make_tickets(redis)
    assert len(await issued(tickets, DESK)) == 3
    # The others, and other replicas, have room of their own; of this caller all count.
    assert len(await issued(make_tickets(redis), LAB)) == 3
    with pytest.raises(LimitReached) as caught:
        await make_tickets(redis).issue(DESK)
    error = caught.value
    assert (error.code, error.status) == ("too-many-tickets", 429)
    assert error.members == {"limit": "tickets", "allowed": MAX_BYTES, "retry_after": 60}
    assert len(await redis.keys(KEY_PREFIX + "*")) == 3 + 3 + 2


async def test_ticket_with_many_symbols_takes_more(redis: RedisNode) -> None:
    names = ",".join(f"A{number:02}/USD" for number in range(60))
    token = Permission("token:desk", permitted_symbols(names), expires_at=5e9)
    assert len(await issued(make_tickets(redis), token)) == 1


async def test_used_ticket_makes_room(redis: RedisNode) -> None:
    tickets = make_tickets(redis)
    first, *_ = await issued(tickets, DESK)
    assert (await tickets.redeem(first)).key_digest == DESK.key_digest
    assert len(await issued(tickets, DESK)) == 1
    # Used up, so it makes no room again.
    with pytest.raises(Denied):
        await tickets.redeem(first)
    assert await issued(tickets, DESK) == []


async def test_expired_tickets_make_room_and_leave_nothing_in_redis(redis: RedisNode) -> None:
    tickets = make_tickets(redis, seconds=1)
    await issued(tickets, DESK)

    async def has_room() -> bool:
        try:
            await tickets.issue(DESK)
        except LimitReached:
            return False
        return True

    await async_wait_until(has_room, "the first ticket has expired")

    async def is_empty() -> bool:
        return not await redis.keys(KEY_PREFIX + "*")

    await async_wait_until(is_empty, "all tickets have expired")


async def test_too_many_tickets_are_a_429_that_says_what_to_do(
    redis: RedisNode, key_file: KeyFile
) -> None:
    authenticator = Authenticator(key_file, None, make_tickets(redis))
    async with Replica(redis, authenticator=authenticator).client() as client:
        answers = [await client.post("/tickets", headers=bearer("kb_btc")) for _ in range(4)]
        assert [each.status_code for each in answers] == [201, 201, 201, 429]
        assert_refused(answers[-1])
        assert (await client.post("/tickets", headers=bearer("kb_all"))).status_code == 201


def assert_refused(answer: httpx.Response) -> None:
    body = assert_problem(answer, 429, "too-many-tickets")
    assert "request it when it is needed" in body["detail"]
    assert answer.headers["retry-after"] == str(body["retry_after"])
