"""Flushes of many symbols, and events that gather while the feed is behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from collector.publish.event_queue import MAX_EVENTS
from kraken_book.contract.keys import SYMBOLS
from lab.waiting import async_wait_until, cancel
from tests.collector.publish.publishing import EPOCH, QUICK_RETRIES, LossyRedis, Publishing

FIVE = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD")


TWO_TOGETHER = replace(QUICK_RETRIES, max_symbols_per_send=2)


# While the feed is behind, a flush begins only if a queue fills.
GATHERING = replace(QUICK_RETRIES, enough_events=10**9, max_flush_interval=1000.0)


async def test_flush_sends_all_symbols_in_parts(
    lossy_redis: LossyRedis,
) -> None:
    publishing = Publishing(lossy_redis, *FIVE, tuning=TWO_TOGETHER)
    await publishing.lead()
    lossy_redis.sent.clear()
    for box in publishing.boxes.values():
        box.update(2)
    await publishing.flush()
    assert [len(calls) for calls in lossy_redis.sent] == [2, 2, 1]
    for symbol in FIVE:
        assert await publishing.seqs(symbol) == [1, 2, 3, 4]


async def test_fence_during_a_flush_stops_its_remaining_parts(
    lossy_redis: LossyRedis,
) -> None:
    publishing = Publishing(lossy_redis, *FIVE, tuning=TWO_TOGETHER)
    await publishing.lead()
    newer = Publishing(lossy_redis, "BTC/USD")
    await newer.lead(EPOCH + 1)
    await newer.flush()
    await lossy_redis.exchange([("DEL", SYMBOLS)])
    lossy_redis.sent.clear()
    publishing.publisher.lead(EPOCH)
    for box in publishing.boxes.values():
        box.update()
    await publishing.flush()
    assert not publishing.leadership.is_leading
    assert publishing.leadership.newest_seen == EPOCH + 1
    assert len(lossy_redis.sent) == 1
    assert set(await publishing.states()) <= {"BTC/USD", "ETH/USD"}


@asynccontextmanager
async def running(publishing: Publishing) -> AsyncIterator[None]:
    """Run a leading publisher."""
    await publishing.lead()
    task = asyncio.create_task(publishing.publisher.run())
    try:
        yield
    finally:
        await cancel(task)


async def has_all(publishing: Publishing, symbol: str = "BTC/USD") -> bool:
    """Whether every event of the symbol is in Redis."""
    return await publishing.seqs(symbol) == [*range(1, publishing.boxes[symbol].updates + 3)]


async def test_events_are_written_at_once_while_the_feed_is_not_behind(
    lossy_redis: LossyRedis,
) -> None:
    publishing = Publishing(lossy_redis)
    async with running(publishing):
        lossy_redis.sent.clear()
        for _ in range(5):
            publishing.box.update()
            await async_wait_until(lambda: has_all(publishing))
        assert len([calls for calls in lossy_redis.sent if calls]) == 5


async def test_events_gather_while_the_feed_is_behind(
    lossy_redis: LossyRedis,
) -> None:
    publishing = Publishing(lossy_redis, tuning=GATHERING)
    publishing.link.is_behind = True
    async with running(publishing):
        lossy_redis.sent.clear()
        for _ in range(3):
            publishing.box.update()
            # Leave time for a flush.
            await asyncio.sleep(0.02)
        publishing.link.is_behind = False
        await async_wait_until(lambda: has_all(publishing))
        assert len([calls for calls in lossy_redis.sent if calls]) == 1


async def test_filling_queue_starts_a_flush_while_the_feed_is_behind(
    lossy_redis: LossyRedis,
) -> None:
    publishing = Publishing(lossy_redis, *FIVE, tuning=GATHERING)
    publishing.link.is_behind = True
    publishing.publisher.limit.max_events = MAX_EVENTS
    async with running(publishing):
        publishing.boxes["ETH/USD"].update()
        publishing.box.update(MAX_EVENTS // 2)
        await async_wait_until(lambda: has_all(publishing))
        await async_wait_until(lambda: has_all(publishing, "ETH/USD"))
