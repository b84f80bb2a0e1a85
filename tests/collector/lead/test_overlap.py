"""Leases of overlapping shards: a leader of one count blocks those of another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import product

import pytest

from collector.lead.lease import LeaseState
from collector.lead.overlap import OverlappingShards
from collector.settings import Shard
from kraken_book.contract.keys import FEED, lease_key
from lab.redis_reads import texts_at
from lab.waiting import async_wait_until
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.lead.candidates import Candidate, Candidates

ONE = Shard(0, 1)
HALVES = (Shard(0, 2), Shard(1, 2))
SECONDS = 0.6


class MixedCandidates(Candidates):
    """Collectors of several shards; a call starts one for each."""

    def __call__(self, *shards: Shard) -> list[Candidate]:
        return [self.start(SECONDS, shard) for shard in shards]


@pytest.fixture
async def candidates(redis: RedisNode) -> AsyncIterator[MixedCandidates]:
    made = MixedCandidates(redis)
    yield made
    await made.end()


@pytest.mark.parametrize(("old", "new"), [((ONE,), HALVES), (HALVES, (ONE,))])
async def test_new_count_waits_until_all_overlapping_leaders_have_stopped(
    candidates: MixedCandidates, old: tuple[Shard, ...], new: tuple[Shard, ...]
) -> None:
    leaders = candidates(*old)
    await async_wait_until(lambda: all(each.leads for each in leaders))
    waiting = candidates(*new)
    await async_wait_until(lambda: all(each.waits_for for each in waiting))
    while leaders:
        assert not any(each.led for each in waiting)
        assert {each.waits_for for each in waiting} <= {str(each.shard) for each in leaders}
        await leaders.pop().stop()
        await async_wait_until(lambda: all(_is_as_expected(each, leaders) for each in waiting))
    assert all(each.leads for each in waiting)
    assert all(len(each.led) == 1 for each in candidates.all)


def _is_as_expected(candidate: Candidate, leaders: list[Candidate]) -> bool:
    left = {str(each.shard) for each in leaders}
    return candidate.waits_for in left if left else candidate.leads


async def test_new_count_leads_after_the_lease_of_a_dead_overlapping_leader_expires(
    candidates: MixedCandidates,
) -> None:
    (old,) = candidates(ONE)
    await async_wait_until(lambda: old.leads)
    new = candidates(*HALVES)
    await async_wait_until(lambda: all(each.waits_for for each in new))
    await old.end()
    await async_wait_until(lambda: all(each.leads for each in new))
    assert old.led
    assert all(each.led[0] > old.led[0] for each in new)


async def test_candidate_leads_under_a_newer_epoch_than_the_overlapping_leader_before_it(
    redis: RedisNode, candidates: MixedCandidates
) -> None:
    # An epoch above Redis's clock, as after a step back of that clock.
    future = 10**14
    await redis.hset(FEED, "0/1", "{}")
    await redis.set(lease_key("0/1"), f"{future} another", px=60_000)
    (new,) = candidates(HALVES[0])
    await async_wait_until(lambda: new.waits_for)
    await redis.delete(lease_key("0/1"))
    await async_wait_until(lambda: new.leads)
    assert new.led == [future + 1]


async def test_shards_of_different_counts_without_common_symbols_lead_at_once(
    candidates: MixedCandidates,
) -> None:
    mixed = candidates(Shard(0, 2), Shard(1, 4), Shard(3, 4))
    await async_wait_until(lambda: all(each.leads for each in mixed))
    assert [len(each.led) for each in mixed] == [1, 1, 1]


async def test_overlapping_candidates_that_start_at_once_settle_on_leaders(
    candidates: MixedCandidates,
) -> None:
    mixed = candidates(ONE, *HALVES, *(Shard(i, 3) for i in range(3)))
    await async_wait_until(lambda: _settled(mixed))


def _settled(candidates: list[Candidate]) -> bool:
    leaders = [each for each in candidates if each.leads]
    names = {str(leader.shard) for leader in leaders}
    clash = any(
        one.shard.overlaps(other.shard) for one, other in product(leaders, leaders) if one != other
    )
    return not clash and all(each.leads or each.waits_for in names for each in candidates)


async def test_leader_fenced_by_an_overlapping_leader_waits_until_that_one_stops(
    redis: RedisNode, candidates: MixedCandidates
) -> None:
    (one,) = candidates(ONE)
    await async_wait_until(lambda: one.leads)
    # The other leader acquired its lease before ours was announced.
    newer = one.led[0] + 10_000_000
    await redis.set(lease_key("1/2"), f"{newer} host:7:abc", px=60_000)
    await redis.hset(FEED, "1/2", "{}")
    one.fence(newer)
    await async_wait_until(lambda: one.waits_for)
    assert one.lease.state is LeaseState.BLOCKED
    assert one.lease.waits_for == {"shard": "1/2", "leader": "host:7:abc"}
    assert (len(one.led), one.leads) == (1, False)
    assert not await redis.exists(lease_key("0/1"))
    await redis.delete(lease_key("1/2"))
    await async_wait_until(lambda: one.leads)
    assert one.led[1] > newer


async def test_newer_of_two_overlapping_leaders_stays(
    redis: RedisNode, candidates: MixedCandidates
) -> None:
    (one,) = candidates(ONE)
    await async_wait_until(lambda: one.leads)
    await redis.set(lease_key("0/2"), f"{one.led[0] - 1000} another", px=60_000)
    await redis.hset(FEED, "0/2", "{}")
    for _ in range(2):
        await redis.pexpire(lease_key("0/1"), 60_000)
        await async_wait_until(lambda: _renewed(redis))
    assert one.leads
    # With equal epochs, both must stop.
    await redis.set(lease_key("1/2"), f"{one.led[0]} another", px=60_000)
    await redis.hset(FEED, "1/2", "{}")
    await async_wait_until(lambda: one.waits_for == "1/2")
    assert (one.leads, one.followed) == (False, 1)


async def _renewed(redis: RedisNode) -> bool:
    return int(await redis.pttl(lease_key("0/1"))) <= SECONDS * 1000


@pytest.mark.parametrize("trash", [b"", b"x", b"0/0", b"3/2", b"0/1/2", b"\xff", b"12345/99999"])
async def test_feed_fields_that_are_no_shard_are_ignored(
    redis: RedisNode, candidates: MixedCandidates, trash: bytes
) -> None:
    await redis.hset(FEED, mapping={trash: "{}", "0/2": "{}"})
    await redis.set(lease_key("0/2"), "no lease")
    (one,) = candidates(ONE)
    await async_wait_until(lambda: one.leads)


async def test_reports_of_overlapping_shards_without_a_leader_are_removed(
    redis: RedisNode,
) -> None:
    fields = ("0/1", "0/2", "1/2", "1/4", "3/4", "2/8", "5/8", "note")
    for field in fields:
        await redis.hset(FEED, field, "{}")
    await redis.set(lease_key("1/4"), "77 another")
    await OverlappingShards(OneNode(redis), Shard(1, 2)).forget_unled()
    assert set(await texts_at(redis, FEED)) == {"0/2", "1/2", "1/4", "2/8", "note"}
