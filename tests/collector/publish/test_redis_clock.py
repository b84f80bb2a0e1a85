"""Our steady time on Redis's clock, never later than it was."""

from __future__ import annotations

from time import monotonic_ns

from redis.asyncio import Redis

from collector.feed.timestamp import Timestamp
from collector.publish.redis_clock import RedisClock
from kraken_book.timestamps import parse_rfc3339


async def redis_microseconds(redis: Redis) -> int:
    seconds, microseconds = await redis.time()
    return int(seconds * 1_000_000 + microseconds)


async def test_it_is_known_once_redis_has_answered(redis: Redis) -> None:
    clock = RedisClock()
    assert not clock.is_known
    clock.answered(await redis_microseconds(redis))
    assert clock.is_known


async def test_a_moment_is_told_between_what_redis_said_before_and_after_it(redis: Redis) -> None:
    clock = RedisClock()
    before = await redis_microseconds(redis)
    clock.answered(before)
    told = parse_rfc3339(clock.text(Timestamp(0, monotonic_ns())))
    after = await redis_microseconds(redis)
    assert before * 1000 <= told <= after * 1000


async def test_a_frame_read_earlier_is_told_as_much_earlier(redis: Redis) -> None:
    clock = RedisClock()
    clock.answered(await redis_microseconds(redis))
    now = monotonic_ns()
    newer = parse_rfc3339(clock.text(Timestamp(0, now)))
    older = parse_rfc3339(clock.text(Timestamp(0, now - 7_000_000_000)))
    assert newer - older == 7_000_000_000


def test_an_answer_that_came_late_errs_towards_older() -> None:
    clock = RedisClock()
    asked = monotonic_ns()
    clock.answered(1_000_000_000)
    assert parse_rfc3339(clock.text(Timestamp(0, asked))) <= 1_000_000_000 * 1000


def test_only_the_steady_clock_counts() -> None:
    clock = RedisClock()
    clock.answered(1_000_000_000)
    assert clock.text(Timestamp(0, 5)) == clock.text(Timestamp(10**18, 5))


def test_redis_clock_that_steps_is_followed() -> None:
    clock = RedisClock()
    clock.answered(2_000_000_000)
    first = parse_rfc3339(clock.text(Timestamp(0, 0)))
    clock.answered(1_000_000_000)
    assert parse_rfc3339(clock.text(Timestamp(0, 0))) < first
