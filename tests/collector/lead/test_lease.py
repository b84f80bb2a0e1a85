"""The lease of a shard: one leader at a time, each with a newer epoch than the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from collector.lead.lease import LeaseState
from collector.settings import Shard
from kraken_book.contract.keys import FEED, lease_key
from lab.waiting import async_wait_until
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from tests.collector.lead.candidates import Candidate, Candidates

SHARD = Shard(0, 1)
LONG, SHORT = 60.0, 0.6
FUTURE = 10**14
"""An epoch above Redis's clock, as after a step back of that clock."""


class ShardCandidates(Candidates):
    """Collectors of one shard; a call starts one."""

    def __call__(self, seconds: float = LONG, shard: Shard = SHARD) -> Candidate:
        return self.start(seconds, shard)


@pytest.fixture
async def candidates(redis: RedisNode) -> AsyncIterator[ShardCandidates]:
    made = ShardCandidates(redis)
    yield made
    await made.end()


async def test_first_candidate_leads_and_second_follows(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates()
    await async_wait_until(lambda: first.led)
    with capture_logs() as lines:
        second = candidates(SHORT)
        await async_wait_until(lambda: first.epoch)
        await async_wait_until(lambda: second.lease.state is LeaseState.FOLLOWING)
    assert "lease lost" not in {line["event"] for line in lines}
    assert (second.led, second.epoch) == ([], None)
    value = await redis.get(lease_key("0/1"))
    assert value is not None
    assert value.split()[0] == str(first.led[0]).encode()


async def test_epoch_is_redis_time_in_ms(redis: RedisNode, candidates: ShardCandidates) -> None:
    seconds, microseconds = await redis.time()
    first = candidates()
    await async_wait_until(lambda: first.led)
    assert first.led[0] >= seconds * 1000 + microseconds // 1000


async def test_renewed_lease_keeps_its_epoch(redis: RedisNode, candidates: ShardCandidates) -> None:
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    for _ in range(3):
        await redis.pexpire(lease_key("0/1"), 30_000)
        await async_wait_until(lambda: _renewed(redis))
    assert (len(first.led), first.lease.state) == (1, LeaseState.LEADING)


async def _renewed(redis: RedisNode) -> bool:
    return int(await redis.pttl(lease_key("0/1"))) <= SHORT * 1000


async def test_lease_of_a_dead_leader_expires_and_another_leads_under_a_newer_epoch(
    candidates: ShardCandidates,
) -> None:
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    second = candidates(SHORT)
    await first.end()
    await async_wait_until(lambda: second.led)
    assert second.led[0] > first.led[0]


async def test_leader_follows_if_another_holds_the_lease(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    with capture_logs() as lines:
        await redis.set(lease_key("0/1"), "99999999999999 another", px=60_000)
        await async_wait_until(lambda: first.followed)
    assert (first.followed, first.epoch) == (1, None)
    (lost,) = [line for line in lines if line["event"] == "lease lost"]
    assert lost["shard"] == "0/1"
    assert lost["leader"] == "another"


async def test_released_lease_is_free_at_once(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates()
    await async_wait_until(lambda: first.led)
    await first.stop()
    assert await redis.exists(lease_key("0/1")) == 0
    assert first.epoch is None
    second = candidates()
    await async_wait_until(lambda: second.led)


async def test_follower_does_not_release_the_leaders_lease(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates()
    await async_wait_until(lambda: first.led)
    second = candidates(SHORT)
    await async_wait_until(lambda: second.lease.state is LeaseState.FOLLOWING)
    await second.lease.release()
    assert await redis.exists(lease_key("0/1")) == 1


async def test_fenced_leader_that_holds_its_lease_leads_under_a_newer_epoch_at_once(
    candidates: ShardCandidates,
) -> None:
    first = candidates()
    await async_wait_until(lambda: first.led)
    newer = first.led[0] + 10_000_000
    first.fence(newer)
    assert first.epoch is None
    await async_wait_until(lambda: len(first.led) == 2)
    assert first.led[1] > newer
    assert first.epoch == first.led[1]


async def test_fenced_leader_that_lost_its_lease_follows(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates()
    await async_wait_until(lambda: first.led)
    await redis.set(lease_key("0/1"), f"{first.led[0] + 1} another", px=60_000)
    first.fence(first.led[0] + 1)
    await async_wait_until(lambda: first.lease.state is LeaseState.FOLLOWING)
    assert first.lease.waits_for == {"shard": "0/1", "leader": "another"}
    assert (len(first.led), first.epoch) == (1, None)


async def test_leader_takes_a_newer_epoch_after_redis_lost_the_lease(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    await redis.flushall()
    await async_wait_until(lambda: len(first.led) >= 2)
    assert first.led[1] > first.led[0]
    assert first.followed == 0


async def test_epoch_is_newer_after_redis_lost_the_lease_and_its_clock_stepped_back(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates(SHORT)
    first.fence(FUTURE)
    await async_wait_until(lambda: FUTURE + 1 in first.led)
    await redis.flushall()
    await async_wait_until(lambda: FUTURE + 2 in first.led)
    assert first.epoch == FUTURE + 2


async def test_follower_leads_under_a_newer_epoch_than_the_leader_before_it(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    await redis.set(lease_key("0/1"), f"{FUTURE} another", px=60_000)
    first = candidates(SHORT)
    await async_wait_until(lambda: first.lease.waits_for)
    assert first.lease.waits_for == {"shard": "0/1", "leader": "another"}
    await redis.delete(lease_key("0/1"))
    await async_wait_until(lambda: first.led)
    assert first.led == [FUTURE + 1]
    assert first.lease.waits_for is None


async def test_each_shard_has_its_own_leader(candidates: ShardCandidates) -> None:
    one, other = candidates(LONG, Shard(0, 2)), candidates(LONG, Shard(1, 2))
    await async_wait_until(lambda: one.led and other.led)


# Keys that no leader writes


async def test_lease_without_an_expiry_gets_one(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    await redis.set(lease_key("0/1"), "5 somebody")
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    assert first.led[0] > 5


async def test_impossible_epoch_of_a_lease_is_ignored(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    await redis.set(lease_key("0/1"), f"{'9' * 30} somebody")
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    assert first.led[0] < FUTURE
    await redis.flushall()
    await async_wait_until(lambda: len(first.led) == 2)
    assert first.led[1] < FUTURE


async def test_leader_keeps_leading_if_its_lease_has_another_type_and_logs_it_once(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    with capture_logs() as lines:
        await redis.delete(lease_key("0/1"))
        await redis.rpush(lease_key("0/1"), "somebody's")
        await async_wait_until(lambda: lines)
        second = candidates(SHORT)
        # Both retry every 0.2 s.
        await asyncio.sleep(0.5)
    assert first.epoch == first.led[0]
    assert second.led == []
    repairs = [line["repair"] for line in lines if line.get("repair")]
    assert set(repairs) == {"redis-cli DEL 'kraken:lease:{0/1}'"}
    assert len(repairs) <= 2, "one of each candidate"
    await redis.delete(lease_key("0/1"))
    await async_wait_until(lambda: first.epoch or second.epoch)


@pytest.mark.parametrize("shard", [SHARD, Shard(0, 2)])
async def test_feed_of_another_type_does_not_stop_a_candidate_from_leading(
    redis: RedisNode, candidates: ShardCandidates, shard: Shard
) -> None:
    await redis.set(FEED, "somebody's")
    with capture_logs() as lines:
        first = candidates(SHORT, shard)
        await async_wait_until(lambda: first.led)
    assert [line["repair"] for line in lines if line.get("repair")] == [f"redis-cli DEL {FEED}"]


@pytest.mark.parametrize("value", [f"{'9' * 30} somebody", "5 somebody", "garbage"])
async def test_overlapping_lease_without_a_leader_does_not_block_a_leader(
    redis: RedisNode, candidates: ShardCandidates, value: str
) -> None:
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    await redis.hset(FEED, "0/2", "{}")
    await redis.set(lease_key("0/2"), value)
    first.fence(first.led[0] + 1)
    await async_wait_until(lambda: len(first.led) == 2)
    assert first.led[1] < FUTURE


async def test_leader_that_is_fenced_repeatedly_rests_longer_each_time(
    candidates: ShardCandidates,
) -> None:
    first = candidates()
    await async_wait_until(lambda: first.led)
    with capture_logs() as lines:
        for number in range(2, 6):
            first.fence(first.led[-1] + 1)
            await async_wait_until(lambda: len(first.led) == number)  # noqa: B023 - awaited at once
    rests = [line["rest"] for line in lines if line["event"] == "fenced by a newer epoch"]
    assert rests[0] == 0, "no rest after the first fence"
    assert len(rests) == 4
    assert all(later > earlier for earlier, later in pairwise(rests))


async def test_leader_that_rests_after_a_fence_is_in_the_state_fenced(
    candidates: ShardCandidates,
) -> None:
    first = candidates()
    await async_wait_until(lambda: first.led)
    first.fence(first.led[-1] + 1)
    await async_wait_until(lambda: len(first.led) == 2)
    first.fence(first.led[-1] + 1)
    await async_wait_until(lambda: first.lease.state is LeaseState.FENCED)
    assert (first.leads, first.lease.waits_for) == (False, None)
    await async_wait_until(lambda: first.lease.state is LeaseState.LEADING)


async def test_fence_during_a_renewal_leads_to_one_new_epoch(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates(SHORT)
    await async_wait_until(lambda: first.led)
    # Redis answers late, so that a renewal is under way.
    await redis.exchange([("CLIENT", "PAUSE", 300, "WRITE")])
    await asyncio.sleep(0.25)
    newer = first.led[0] + 10_000_000
    first.fence(newer)
    await async_wait_until(lambda: first.epoch)
    assert first.led == [first.led[0], newer + 1]


async def test_standby_lets_the_leader_ask_first_after_redis_was_away(
    redis: RedisNode, candidates: ShardCandidates
) -> None:
    first = candidates(3.0)
    await async_wait_until(lambda: first.led)
    second = candidates(3.0)
    await async_wait_until(lambda: second.lease.state is LeaseState.FOLLOWING)
    # Both are refused, until the lease has expired.
    await redis.set(lease_key("0/1"), first.led[0])
    await redis.acl_setuser("default", enabled=True, commands=["-eval"])
    with capture_logs() as lines:
        refused = "lease request failed, retrying"
        await async_wait_until(lambda: [e["event"] for e in lines].count(refused) >= 2)
    await redis.delete(lease_key("0/1"))
    await redis.acl_setuser("default", enabled=True, commands=["+eval"])
    await async_wait_until(lambda: len(first.led) >= 2)
    assert second.led == []
    await first.end()
    await redis.delete(lease_key("0/1"))
    await async_wait_until(lambda: second.led)


async def test_failed_lease_request_is_logged_once_with_its_reason() -> None:
    with capture_logs() as lines:
        lost = Candidate(connect_redis("redis://127.0.0.1:1/0"), SHORT, SHARD)
        await async_wait_until(lambda: lines)
        # The candidate retries every 0.2 s.
        await asyncio.sleep(0.5)
        assert lost.lease.state is LeaseState.ASKING
        await lost.end()
    (line,) = lines
    assert line["event"] == "lease request failed, retrying"
    assert line["reason"] == "refused"
    assert "127.0.0.1:1" in line["error"]
