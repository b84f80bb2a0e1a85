"""If Redis is away, each replica limits alone, without waiting, and shares again afterwards."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from structlog.testing import capture_logs

from api.access.limits import LimitReached
from kraken_book.access_keys import KeyLimits
from lab.waiting import async_wait_until
from runtime.redis.exchange import RedisNode
from tests.api.access.replicas import allowed_of, client_at, limiter_of_replica, limiter_with_faults

HERE = client_at("192.0.2.7")
FAULTS = [
    RedisConnectionError("Connection refused"),
    ReadOnlyError("You can't write against a read only replica."),
    OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    OSError("no route"),
]


def is_shared() -> bool:
    return bool(REGISTRY.get_sample_value("kraken_book_limits_shared"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_failing_redis_is_asked_once_and_each_replica_limits_alone(
    redis_url: str, fault: Exception
) -> None:
    async with (
        limiter_with_faults(redis_url, KeyLimits(requests=20, streams=1)) as (limiter, nodes),
        limiter_of_replica(redis_url, KeyLimits(requests=20)) as other,
    ):
        assert await allowed_of(other, HERE, 40) == 20
        nodes.fault = fault
        with capture_logs() as lines:
            assert await allowed_of(limiter, HERE, 40) == 20
        assert [line["event"] for line in lines if line["log_level"] == "warning"] == [
            "limits per replica"
        ]
        assert not is_shared()
        async with limiter.stream(HERE, None):
            with pytest.raises(LimitReached):
                await limiter.stream(HERE, None).__aenter__()


async def test_hanging_redis_delays_few_requests_and_only_by_the_deadline(redis_url: str) -> None:
    async with limiter_with_faults(redis_url, KeyLimits(requests=20), deadline=0.05) as (
        limiter,
        nodes,
    ):
        nodes.fault = "hangs"
        # Without the deadline this would never end.
        assert await allowed_of(limiter, HERE, 200) == 20
        calls = nodes.calls
        assert not is_shared()
        assert await allowed_of(limiter, client_at("192.0.2.8"), 40) == 20
        # Only probes ask.
        assert nodes.calls <= calls + 5


async def test_limits_are_shared_again_when_redis_is_back(redis_url: str) -> None:
    settings = KeyLimits(requests=20, streams=1)
    async with (
        limiter_with_faults(redis_url, settings) as (limiter, nodes),
        limiter_of_replica(redis_url, settings) as other,
    ):
        nodes.fault = RedisConnectionError("Connection refused")
        async with limiter.stream(HERE, None):
            assert not is_shared()
            with capture_logs() as lines:
                nodes.fault = None
                await async_wait_until(is_shared, "the limits are shared again")
            assert "limits shared again" in [line["event"] for line in lines]
            assert await allowed_of(other, HERE, 40) == 20
            assert await allowed_of(limiter, HERE, 40) == 0


async def test_one_late_answer_does_not_end_the_sharing(redis_url: str) -> None:
    async with limiter_with_faults(redis_url, KeyLimits(requests=20), deadline=0.05) as (
        limiter,
        nodes,
    ):
        nodes.fault = "hangs"
        assert await allowed_of(limiter, HERE, 1) == 1
        nodes.fault = None
        assert is_shared()


async def test_many_requests_that_wait_for_redis_wait_once(redis_url: str) -> None:
    async with limiter_with_faults(redis_url, KeyLimits(requests=20), deadline=0.05) as (
        limiter,
        nodes,
    ):
        nodes.fault = "hangs"
        counts = await asyncio.gather(*(allowed_of(limiter, HERE, 1) for _ in range(100)))
        assert sum(counts) == 20


async def test_streams_that_ended_while_redis_was_away_are_not_written_later(
    redis_url: str, redis: RedisNode
) -> None:
    settings = KeyLimits(streams=1)
    async with limiter_with_faults(redis_url, settings) as (limiter, nodes):
        nodes.fault = RedisConnectionError("Connection refused")
        for number in range(50):
            async with limiter.stream(client_at(f"192.0.2.{number}"), None):
                pass
        assert not is_shared()
        # As `run` does while Redis is away: it forgets them, however many they are.
        await limiter.aclose()
        nodes.fault = None
        await async_wait_until(is_shared, "the limits are shared again")
        calls = nodes.calls
        await limiter.aclose()
        assert nodes.calls == calls
    assert not await redis.keys("kraken-book:limits:streams:*")
