"""A publisher while Redis loses answers, scripts or keys: each event is written once."""

from __future__ import annotations

import asyncio

from kraken_book.contract.keys import SYMBOLS, book_key, events_key
from lab.waiting import async_wait_until, cancel
from runtime.redis.exchange import RedisNode
from tests.collector.publish.publishing import EPOCH, LossyRedis, Publishing


async def test_script_that_redis_forgot_is_loaded_again_without_loss_of_events(
    redis: RedisNode, publishing: Publishing
) -> None:
    await publishing.lead()
    for _ in range(3):
        await redis.script_flush()
        publishing.box.update(2)
        await publishing.flush()
    assert await publishing.seqs() == list(range(1, 9))


async def test_stream_begins_with_a_snapshot_after_redis_lost_all_keys(
    redis: RedisNode, publishing: Publishing
) -> None:
    await publishing.lead()
    publishing.box.update(3)
    await publishing.flush()
    await redis.flushall()
    publishing.box.update()
    await publishing.flush()
    await publishing.flush()
    events = await publishing.events()
    assert [event["kind"] for event in events] == ["snapshot", "status"]
    assert events[0]["conflated"] is None
    assert events[0]["seq"] > 6, "seqs keep rising"
    assert (await publishing.hash())["best_bid_qty"] == "4.00000000"
    publishing.box.update()
    await publishing.flush()
    assert [event["kind"] for event in await publishing.events()][2:] == ["update"]


async def test_events_continue_after_redis_lost_only_the_hash(
    redis: RedisNode, publishing: Publishing
) -> None:
    await publishing.lead()
    await redis.delete(book_key("BTC/USD"))
    publishing.box.update()
    await publishing.flush()
    assert await publishing.seqs() == [1, 2, 3]
    assert (await publishing.hash())["seq"] == "3"


async def test_call_without_an_answer_is_repeated_unchanged_and_written_once(
    lossy_redis: LossyRedis,
) -> None:
    publishing = Publishing(lossy_redis)
    await publishing.lead()
    lossy_redis.sent.clear()
    lossy_redis.to_lose = 3
    publishing.box.update(2)
    flushing = asyncio.create_task(publishing.flush())
    await async_wait_until(lambda: lossy_redis.to_lose < 3)
    publishing.box.update(5)
    await flushing
    assert len(lossy_redis.sent) >= 4
    assert lossy_redis.sent[0]
    assert all(calls == lossy_redis.sent[0] for calls in lossy_redis.sent[:4])
    await publishing.flush()
    assert await publishing.seqs() == list(range(1, 10))


async def test_symbol_with_a_foreign_key_is_retried_until_the_key_is_removed(
    redis: RedisNode,
) -> None:
    publishing = Publishing(redis, "BTC/USD", "ETH/USD")
    await redis.set(events_key("BTC/USD"), "somebody's")
    for box in publishing.boxes.values():
        box.snapshot()
    publishing.publisher.lead(EPOCH)
    await publishing.flush()
    assert await publishing.seqs("ETH/USD") == [1, 2]
    for box in publishing.boxes.values():
        box.update()
    await publishing.flush()
    assert await publishing.seqs("ETH/USD") == [1, 2, 3], "one symbol's trouble held up another"
    await redis.delete(events_key("BTC/USD"))
    await asyncio.wait_for(publishing.publisher.drain(), 20)
    assert await publishing.seqs("BTC/USD") == [1, 2, 3]
    assert await publishing.seqs("ETH/USD") == [1, 2, 3]


async def test_quiet_book_with_an_open_call_is_also_published_under_the_new_epoch(
    lossy_redis: LossyRedis,
) -> None:
    publishing = Publishing(lossy_redis)
    await publishing.lead()
    lossy_redis.to_lose = 1
    publishing.box.update()
    flushing = asyncio.create_task(publishing.flush())
    await async_wait_until(lambda: lossy_redis.to_lose == 0)
    publishing.publisher.lead(EPOCH + 1)
    await flushing
    for _ in range(2):
        await publishing.flush()
    events = await publishing.events()
    assert [(e["kind"], e["epoch"]) for e in events[2:]] == [
        ("update", EPOCH),
        ("snapshot", EPOCH + 1),
        ("status", EPOCH + 1),
    ]


async def test_deleted_fields_of_the_symbols_hash_are_written_again(
    redis: RedisNode,
) -> None:
    publishing = Publishing(redis, "BTC/USD", "ETH/USD")
    await publishing.lead()
    running = asyncio.create_task(publishing.publisher.run())

    async def is_listed() -> bool:
        return set(await publishing.states()) >= set(publishing.boxes)

    try:
        # A symbol of another shard is listed too.
        await redis.hset(SYMBOLS, "SOL/USD", "{}")
        for gone in (["BTC/USD"], ["BTC/USD", "ETH/USD"], ["ETH/USD"]):
            await async_wait_until(is_listed, "the symbols are listed")
            await redis.hdel(SYMBOLS, *gone)
        await async_wait_until(is_listed, "the symbols are listed")
        await redis.delete(SYMBOLS)
        await async_wait_until(is_listed, "the symbols are listed again")
    finally:
        await cancel(running)
