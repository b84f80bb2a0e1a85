"""A collector does not lead beside the report of a newer contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from collector.lead.lease import LeaseState
from collector.lead.newer_contract import NewerContract
from collector.settings import Shard
from kraken_book.contract.keys import FEED, feed_key
from kraken_book.contract.version import CONTRACT
from lab.waiting import async_wait_until
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.lead.candidates import Candidates

SHARD = Shard(0, 1)
NEWER = '{"contract":"2.0"}'
LEASE_SECONDS = 0.6


@pytest.fixture
async def candidates(redis: RedisNode) -> AsyncIterator[Candidates]:
    made = Candidates(redis)
    yield made
    await made.end()


async def test_collector_beside_a_newer_contract_leads_when_its_report_is_removed(
    redis: RedisNode, candidates: Candidates
) -> None:
    await redis.hset(FEED, "1/3", NEWER)
    with capture_logs() as lines:
        candidate = candidates.start(LEASE_SECONDS, SHARD)
        await async_wait_until(lambda: candidate.lease.state is LeaseState.OUTDATED)
        assert (candidate.led, await redis.keys("kraken:lease:*")) == ([], [])
        await redis.hdel(FEED, "1/3")
        await async_wait_until(lambda: candidate.leads)
    (line,) = [line for line in lines if "contract" in line]
    assert (line["log_level"], line["contract"], line["ours"]) == ("error", "2.0", str(CONTRACT))
    assert line["advice"].endswith("HDEL kraken:feed 1/3")


async def test_fenced_leader_leaves_the_lease_to_a_newer_contract(
    redis: RedisNode, candidates: Candidates
) -> None:
    candidate = candidates.start(LEASE_SECONDS, SHARD)
    await async_wait_until(lambda: candidate.leads)
    await redis.hset(FEED, "0/1", NEWER)
    candidate.fence(10**14)
    await async_wait_until(lambda: candidate.lease.state is LeaseState.OUTDATED)
    await async_wait_until(lambda: not candidate.leads)
    assert await redis.keys("kraken:lease:*") == []


async def test_newer_contract_of_another_venue_does_not_matter(
    redis: RedisNode, candidates: Candidates
) -> None:
    await redis.hset(feed_key("binance"), "0/1", NEWER)
    candidate = candidates.start(LEASE_SECONDS, SHARD)
    await async_wait_until(lambda: candidate.leads)


async def test_leader_announces_its_contract_before_its_first_report(
    redis: RedisNode, candidates: Candidates
) -> None:
    candidate = candidates.start(LEASE_SECONDS, SHARD)
    await async_wait_until(lambda: candidate.leads)
    assert await redis.hget(FEED, "0/1") == f'{{"contract":"{CONTRACT}"}}'.encode()


@pytest.mark.parametrize("word", ["NOPERM no permission", "WRONGTYPE another type"])
async def test_reports_that_may_not_be_read_do_not_prevent_leading(
    redis: RedisNode, word: str
) -> None:
    class Refusing(OneNode):
        async def call(self, *_: object) -> object:
            raise ResponseError(word)

    assert await NewerContract(Refusing(redis)).find() is None
