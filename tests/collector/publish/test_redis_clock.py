"""Conversion of our steady time to Redis's clock, never to a later time."""

from __future__ import annotations

from time import monotonic_ns

from redis.asyncio import Redis

from collector.feed.timestamp import Timestamp
from collector.publish.redis_clock import RedisClock
from kraken_book.timestamps import parse_rfc3339


async def redis_microseconds(redis: Redis) -> int:
    seconds, microseconds = await redis.time()
    return int(seconds * 1_000_000 + microseconds)


async def test_clock_is_known_after_an_answer(redis: Redis) -> None:
    clock = RedisClock()
    assert not clock.is_known
    clock.answered(await redis_microseconds(redis))
    assert clock.is_known


async def test_converted_moment_is_between_redis_times_before_and_after_it(redis: Redis) -> None:
    clock = RedisClock()
    before = await redis_microseconds(redis)
    clock.answered(before)
    converted = parse_rfc3339(clock.text(Timestamp(0, monotonic_ns())))
    after = await redis_microseconds(redis)
    assert before * 1000 <= converted <= after * 1000


async def test_converted_moments_keep_their_distance(redis: Redis) -> None:
    clock = RedisClock()
    clock.answered(await redis_microseconds(redis))
    now = monotonic_ns()
    newer = parse_rfc3339(clock.text(Timestamp(0, now)))
    older = parse_rfc3339(clock.text(Timestamp(0, now - 7_000_000_000)))
    assert newer - older == 7_000_000_000


def test_late_answer_makes_converted_times_older() -> None:
    clock = RedisClock()
    asked = monotonic_ns()
    clock.answered(1_000_000_000)
    assert parse_rfc3339(clock.text(Timestamp(0, asked))) <= 1_000_000_000 * 1000


def test_conversion_uses_only_the_steady_clock() -> None:
    clock = RedisClock()
    clock.answered(1_000_000_000)
    assert clock.text(Timestamp(0, 5)) == clock.text(Timestamp(10**18, 5))


def test_conversion_follows_a_step_of_redis_clock() -> None:
    clock = RedisClock()
    clock.answered(2_000_000_000)
    first = parse_rfc3339(clock.text(Timestamp(0, 0)))
    clock.answered(1_000_000_000)
    assert parse_rfc3339(clock.text(Timestamp(0, 0))) < first
