"""Queues that are half full: connections pause for them only while Redis will soon have events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from redis.exceptions import TryAgainError

from collector.feed.link import Link
from kraken_book.contract.keys import events_key
from lab.waiting import async_wait_until, cancel
from runtime.redis.client import connect_redis
from runtime.redis.exchange import Command, RedisNode
from tests.collector.publish.publishing import QUICK_RETRIES, LossyRedis, Publishing

# Of one queue that a test fills by half.
HALF = 10
# Redis never counts as slow, and a stalled symbol never as stalled, except in their own tests.
PATIENT = replace(QUICK_RETRIES, slow_answer=1000.0, max_stall=1000.0)


class HangingRedis(RedisNode):
    """A Redis that can hang before it carries out calls, or defer them as while slots move."""

    def __init__(self, url: str) -> None:
        super().__init__(connection_pool=connect_redis(url).connection_pool)
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.hanging = 0
        self.defers = False

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies when Redis goes on."""
        self.hanging += 1
        await self.goes_on.wait()
        self.hanging -= 1
        if self.defers:
            return [TryAgainError() for _ in commands]
        return await super().exchange(commands)


async def leading(publishing: Publishing) -> Publishing:
    """Lead with short queues."""
    await publishing.lead()
    publishing.publisher.limit.max_events = 2 * HALF
    return publishing


async def test_connection_pauses_from_half_a_queue_until_its_events_are_taken(
    redis: RedisNode,
) -> None:
    publishing = await leading(Publishing(redis, tuning=PATIENT))
    publishing.box.update(HALF - 1)
    assert not publishing.room.is_full(publishing.link)
    publishing.box.update()
    assert publishing.room.is_full(publishing.link)
    await publishing.flush()
    assert not publishing.room.is_full(publishing.link)


async def test_connection_of_other_books_does_not_pause(redis: RedisNode) -> None:
    publishing = await leading(Publishing(redis, tuning=PATIENT))
    publishing.box.update(HALF)
    assert not publishing.room.is_full(Link())


async def test_connection_may_process_frames_while_redis_carries_out_the_call(
    redis_url: str,
) -> None:
    redis = HangingRedis(redis_url)
    publishing = await leading(Publishing(redis, tuning=PATIENT))
    publishing.box.update(HALF)
    redis.goes_on.clear()
    flushing = asyncio.create_task(publishing.flush())
    await async_wait_until(lambda: redis.hanging)
    assert not publishing.room.is_full(publishing.link)
    publishing.box.update(HALF)
    assert publishing.room.is_full(publishing.link), "the next call has to wait for this one"
    redis.goes_on.set()
    await flushing
    assert publishing.room.is_full(publishing.link)
    await publishing.flush()
    assert not publishing.room.is_full(publishing.link)
    await redis.aclose()


async def test_redis_that_hangs_causes_no_pause_after_the_time_of_a_slow_answer(
    redis_url: str,
) -> None:
    redis = HangingRedis(redis_url)
    tuning = replace(PATIENT, slow_answer=0.05)
    publishing = await leading(Publishing(redis, tuning=tuning))
    redis.goes_on.clear()
    publishing.box.update()
    flushing = asyncio.create_task(publishing.flush())
    await async_wait_until(lambda: redis.hanging)
    publishing.box.update(HALF)
    await async_wait_until(lambda: not publishing.room.is_full(publishing.link))
    redis.goes_on.set()
    await flushing
    assert publishing.room.is_full(publishing.link), "Redis answers again"
    await redis.aclose()


async def test_redis_that_is_away_causes_no_pause_until_it_answers(
    lossy_redis: LossyRedis,
) -> None:
    publishing = await leading(Publishing(lossy_redis, tuning=PATIENT))
    # More than are lost during the test.
    lossy_redis.to_lose = 10**9
    publishing.box.update()
    flushing = asyncio.create_task(publishing.flush())
    await async_wait_until(lambda: lossy_redis.to_lose < 10**9)
    publishing.box.update(HALF)
    assert not publishing.room.is_full(publishing.link)
    lossy_redis.to_lose = 0
    await flushing
    assert publishing.room.is_full(publishing.link)
    await publishing.flush()
    assert not publishing.room.is_full(publishing.link)


async def test_symbol_that_redis_refuses_causes_no_pause(redis: RedisNode) -> None:
    publishing = Publishing(redis, "BTC/USD", "ETH/USD", tuning=PATIENT)
    await redis.set(events_key("BTC/USD"), "somebody's")
    await leading(publishing)
    for _ in range(3):
        publishing.box.update(HALF)
        assert not publishing.room.is_full(publishing.link)
        # Also after the time for which the symbol is held back.
        publishing.box.writer.stop_holding_back()
        assert not publishing.room.is_full(publishing.link)
        await publishing.flush()
    publishing.boxes["ETH/USD"].update(HALF)
    assert publishing.room.is_full(publishing.link), "another queue is half full"
    await redis.delete(events_key("BTC/USD"))
    await asyncio.wait_for(publishing.publisher.drain(), 20)
    assert not publishing.room.is_full(publishing.link)
    publishing.box.update(HALF)
    assert publishing.room.is_full(publishing.link), "Redis accepts the symbol again"


async def test_symbol_with_moving_keys_causes_no_pause(redis_url: str) -> None:
    redis = HangingRedis(redis_url)
    publishing = await leading(Publishing(redis, tuning=PATIENT))
    redis.defers = True
    publishing.box.update(HALF)
    await publishing.flush()
    publishing.box.update(HALF)
    assert not publishing.room.is_full(publishing.link)
    redis.defers = False
    await publishing.flush()
    assert publishing.room.is_full(publishing.link)
    await redis.aclose()


async def test_symbol_without_a_write_causes_a_pause_of_bounded_length(redis: RedisNode) -> None:
    publishing = await leading(Publishing(redis, tuning=replace(PATIENT, max_stall=0.05)))
    publishing.box.update(HALF)
    assert publishing.room.is_full(publishing.link)
    await async_wait_until(lambda: not publishing.room.is_full(publishing.link))
    publishing.box.update()
    assert not publishing.room.is_full(publishing.link), "another event does not pause it again"


async def test_collector_that_does_not_lead_does_not_pause(redis: RedisNode) -> None:
    publishing = Publishing(redis, tuning=PATIENT)
    publishing.box.snapshot()
    publishing.publisher.limit.max_events = 2 * HALF
    publishing.box.update(2 * HALF)
    assert not publishing.room.is_full(publishing.link)
    await publishing.lead()
    publishing.box.update(HALF)
    assert publishing.room.is_full(publishing.link)
    publishing.publisher.follow()
    publishing.box.update(HALF)
    assert not publishing.room.is_full(publishing.link)


async def test_removed_symbol_causes_no_pause(redis: RedisNode) -> None:
    publishing = await leading(Publishing(redis, tuning=PATIENT))
    publishing.box.update(HALF)
    publishing.publisher.remove("BTC/USD")
    await publishing.flush()
    assert not publishing.room.is_full(publishing.link)


async def test_paused_connection_goes_on_when_the_publisher_takes_events(
    lossy_redis: LossyRedis,
) -> None:
    publishing = await leading(Publishing(lossy_redis, tuning=PATIENT))
    running = asyncio.create_task(publishing.publisher.run())
    publishing.box.update(HALF)
    assert publishing.room.is_full(publishing.link)
    await async_wait_until(lambda: not publishing.room.is_full(publishing.link))
    await async_wait_until(lambda: publishing.publisher.count_unwritten() == 0)
    assert await publishing.seqs() == list(range(1, HALF + 3))
    await cancel(running)


async def test_frames_at_once_are_as_many_as_fit_above_half_a_queue(redis: RedisNode) -> None:
    publishing = Publishing(redis, "BTC/USD", "ETH/USD")
    limit = publishing.publisher.limit.max_events
    assert publishing.room.frames_at_once == limit // 2
    publishing.publisher.remove("ETH/USD")
    assert publishing.room.frames_at_once == publishing.publisher.limit.max_events // 2 > limit // 2


async def test_send_has_no_further_symbols_after_its_number_of_events(
    lossy_redis: LossyRedis,
) -> None:
    symbols = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD")
    publishing = Publishing(lossy_redis, *symbols, tuning=replace(PATIENT, max_events_per_send=6))
    await publishing.lead()
    lossy_redis.sent.clear()
    for symbol, updates in zip(symbols, (5, 9, 6, 1), strict=True):
        publishing.boxes[symbol].update(updates)
    await publishing.flush()
    assert [len(calls) for calls in lossy_redis.sent] == [2, 1, 1]
    assert [len(await publishing.seqs(symbol)) for symbol in symbols] == [7, 11, 8, 3]
