"""Limits of requests, streams, symbols and views, within a replica and across replicas."""

from __future__ import annotations

import asyncio

import pytest

from api.access.caller import Caller
from api.access.limiter import Limiter
from api.access.limits import LimitReached, RequestTooLarge
from api.access.permission import Permission
from kraken_book.access_keys import KeyLimits
from lab.waiting import async_wait_until
from runtime.redis.client import connect_nodes
from tests.api.access.replicas import (
    allowed_of,
    client_at,
    key_named,
    limiter_of_replica,
    limiter_with_faults,
)

HERE = client_at("192.0.2.7")


async def test_requests_of_two_replicas_are_limited_together(redis_url: str) -> None:
    settings = KeyLimits(requests=100)
    async with (
        limiter_of_replica(redis_url, settings) as one,
        limiter_of_replica(redis_url, settings) as other,
    ):
        counts = await asyncio.gather(
            *(allowed_of(each, HERE, 90) for each in (one, other) for _ in range(2))
        )
    # A replica may hold permits that it has not given out yet: up to a twentieth.
    assert 90 <= sum(counts) <= 100


async def test_refusal_says_what_is_allowed_and_when(redis_url: str) -> None:
    async with limiter_of_replica(redis_url, KeyLimits(requests=3)) as limiter:
        assert await allowed_of(limiter, HERE, 3) == 3
        with pytest.raises(LimitReached) as caught:
            await limiter.count("requests", HERE)
    error = caught.value
    assert (error.code, error.status) == ("too-many-requests", 429)
    assert error.members["limit"] == "requests"
    assert error.members["allowed"] == 3
    assert 1 <= int(str(error.members["retry_after"])) <= 60


async def test_standing_counts_down_to_the_refusal(redis_url: str) -> None:
    async with limiter_of_replica(redis_url, KeyLimits(requests=3)) as limiter:
        standings = [await limiter.count("requests", HERE) for _ in range(3)]
    assert [each.remaining for each in standings if each] == [2, 1, 0]


async def test_a_flood_asks_redis_seldom(redis_url: str) -> None:
    async with limiter_with_faults(redis_url, KeyLimits(requests=100_000)) as (limiter, nodes):
        # Two calls for 1, 2, 4 … 2,048 and 4,096 permits, unless the machine is slow.
        assert await allowed_of(limiter, HERE, 5000) == 5000
        assert nodes.calls < 500


async def test_a_refused_flood_asks_redis_seldom(redis_url: str) -> None:
    async with limiter_with_faults(redis_url, KeyLimits(requests=1)) as (limiter, nodes):
        assert await allowed_of(limiter, HERE, 2000) == 1
        assert nodes.calls < 200


async def test_callers_are_limited_apart(redis_url: str) -> None:
    settings = KeyLimits(requests=2)
    async with limiter_of_replica(redis_url, settings) as limiter:
        callers = [HERE, client_at("192.0.2.8"), key_named("desk"), key_named("lab")]
        assert [await allowed_of(limiter, each, 5) for each in callers] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff::9", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("", "", True),
    ],
)
async def test_addresses_of_one_client_count_together(
    redis_url: str, one: str, other: str, is_same: bool
) -> None:
    async with limiter_of_replica(redis_url, KeyLimits(requests=2)) as limiter:
        assert await allowed_of(limiter, client_at(one), 5) == 2
        assert await allowed_of(limiter, client_at(other), 5) == (0 if is_same else 2)


async def test_limits_of_a_key_replace_those_of_the_settings(redis_url: str) -> None:
    settings = KeyLimits(requests=2, symbols=5)
    big = key_named("big", KeyLimits(requests=7))
    async with limiter_of_replica(redis_url, settings) as limiter:
        assert await allowed_of(limiter, big, 20) == 7
        assert limiter.limits_of(big) == KeyLimits(requests=7, symbols=5)


async def test_without_limits_nothing_is_counted_in_redis(redis_url: str) -> None:
    nodes = connect_nodes(redis_url)
    async with limiter_of_replica(redis_url, KeyLimits()) as limiter:
        assert await limiter.count("requests", HERE) is None
        async with limiter.stream(HERE, "a view"):
            pass
    assert await nodes.send(nodes.of(""), [("DBSIZE",)]) == [0]
    await nodes.aclose()


async def test_every_key_in_redis_expires_and_names_no_caller(redis_url: str) -> None:
    nodes = connect_nodes(redis_url)
    caller = Caller(Permission("secret-desk"), "192.0.2.7")
    async with limiter_of_replica(
        redis_url, KeyLimits(requests=2, streams=2, resumes=2)
    ) as limiter:
        await limiter.count("requests", caller)
        await limiter.count("resumes", HERE)
        async with limiter.stream(caller, None):
            node = nodes.of("")
            (keys,) = await nodes.send(node, [("KEYS", "*")])
            times = await nodes.send(node, [("PTTL", key) for key in keys])
    await nodes.aclose()
    assert len(keys) == 3
    assert all(key.startswith(b"kraken-book:limits:") for key in keys)
    assert all(0 < each <= 120_000 for each in times)
    assert not any(b"desk" in key or b"192.0.2" in key for key in keys)


async def test_streams_of_two_replicas_are_limited_together(redis_url: str) -> None:
    settings = KeyLimits(streams=2)
    async with (
        limiter_of_replica(redis_url, settings) as one,
        limiter_of_replica(redis_url, settings) as other,
    ):
        async with one.stream(HERE, None), other.stream(HERE, None):
            for each in (one, other):
                with pytest.raises(LimitReached, match="2 streams at once") as caught:
                    await each.stream(HERE, None).__aenter__()
                assert caught.value.code == "too-many-streams"
            async with one.stream(client_at("192.0.2.8"), None):
                pass
        await async_wait_until(lambda: may_open(other, 2), "the places are free again")


async def test_streams_of_a_dead_replica_are_free_after_their_lease(redis_url: str) -> None:
    settings = KeyLimits(streams=1)
    async with limiter_of_replica(redis_url, settings) as alive:
        async with limiter_of_replica(
            redis_url, settings, lease_seconds=0.3, renew_interval=60.0
        ) as dead:
            # Never given back, as by a process that was killed.
            held = dead.stream(HERE, None)
            await held.__aenter__()
        assert not await may_open(alive, 1)
        await async_wait_until(lambda: may_open(alive, 1), "the lease of the dead has ended")


async def test_renewed_streams_outlive_their_lease(redis_url: str) -> None:
    settings = KeyLimits(streams=1)
    nodes = connect_nodes(redis_url)
    async with (
        limiter_of_replica(redis_url, settings, lease_seconds=0.5, renew_interval=0.05) as holder,
        limiter_of_replica(redis_url, settings) as other,
        holder.stream(HERE, None),
    ):
        # As after a restart of Redis without its data.
        await nodes.send(nodes.of(""), [("FLUSHALL",)])
        await async_wait_until(lambda: is_full(other), "the holder has written its number again")
    await nodes.aclose()


async def test_symbols_of_a_stream_are_limited(redis_url: str) -> None:
    async with limiter_of_replica(redis_url, KeyLimits(symbols=2)) as limiter:
        limiter.check_symbols(HERE, 2)
        with pytest.raises(RequestTooLarge) as caught:
            limiter.check_symbols(HERE, 3)
    assert (caught.value.code, caught.value.status) == ("too-many-symbols", 403)
    assert "retry_after" not in caught.value.members


async def test_views_are_counted_once_for_the_same_choice(redis_url: str) -> None:
    async with limiter_of_replica(redis_url, KeyLimits(views=1)) as limiter:
        async with limiter.stream(HERE, "a"), limiter.stream(HERE, "a"):
            with pytest.raises(LimitReached, match="1 different choices") as caught:
                await limiter.stream(HERE, "b").__aenter__()
            assert caught.value.code == "too-many-views"
            async with limiter.stream(HERE, None):
                pass
        async with limiter.stream(HERE, "b"):
            pass


async def may_open(limiter: Limiter, streams: int) -> bool:
    try:
        async with limiter.stream(HERE, None):
            return streams == 1 or await may_open(limiter, streams - 1)
    except LimitReached:
        return False


async def is_full(limiter: Limiter) -> bool:
    return not await may_open(limiter, 1)
