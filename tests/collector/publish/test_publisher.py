"""The publisher and its writers with a real Redis: events, states and ages."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from collector.feed.timestamp import Timestamp, timestamp_now
from kraken_book.timestamps import parse_rfc3339
from lab.waiting import async_wait_for, async_wait_until, cancel
from runtime.redis.exchange import RedisNode
from tests.collector.publish.publishing import EPOCH, QUICK_RETRIES, Publishing


async def test_publisher_writes_nothing_before_it_leads(
    redis: RedisNode, publishing: Publishing
) -> None:
    publishing.box.snapshot()
    publishing.box.update(3)
    await publishing.flush()
    assert await redis.keys("kraken:*") == []


async def test_new_leader_writes_a_snapshot_and_a_status_first(publishing: Publishing) -> None:
    await publishing.lead()
    kinds = [(event["kind"], event["epoch"]) for event in await publishing.events()]
    assert kinds == [("snapshot", EPOCH), ("status", EPOCH)]
    assert (await publishing.hash())["status"] == "live"


async def test_every_update_is_one_event_in_order(publishing: Publishing) -> None:
    await publishing.lead()
    for _ in range(5):
        publishing.box.update(4)
        await publishing.flush()
    events = await publishing.events()
    assert [event["seq"] for event in events] == list(range(1, 23))
    assert [e["best_bid"]["qty"] for e in events[2:]] == [f"{n}.00000000" for n in range(1, 21)]
    assert (await publishing.hash())["best_bid_qty"] == "20.00000000"
    assert (await publishing.hash())["checksum"] == str(publishing.box.naive.checksum)


async def test_each_flush_wakes_readers_of_the_symbols_written(redis: RedisNode) -> None:
    publishing = Publishing(redis, "BTC/USD", "ETH/USD", "SOL/USD")
    await publishing.lead()
    before = await publishing.wakes()
    assert set(before[-1].split(",")) == {"BTC/USD", "ETH/USD", "SOL/USD"}
    publishing.boxes["ETH/USD"].update()
    await publishing.flush()
    assert await publishing.wakes() == [*before, "ETH/USD"]
    await publishing.flush()
    assert await publishing.wakes() == [*before, "ETH/USD"], "nothing was written"


async def test_symbols_hash_has_the_state_of_each_symbol(redis: RedisNode) -> None:
    publishing = Publishing(redis, "BTC/USD", "XBT/EUR")
    publishing.box.snapshot()
    publishing.boxes["XBT/EUR"].book.refuse("Currency pair not supported XBT/EUR")
    publishing.publisher.lead(EPOCH)
    await publishing.flush()
    states = await publishing.states()
    assert states["BTC/USD"] == {
        "status": "live",
        "reason": None,
        "source": "simulated",
        "shard": "0/1",
        "depth": 10,
        "price_precision": 1,
        "qty_precision": 8,
        "pair_status": None,
        "resyncs": 0,
        "proof": "checksum",
    }
    assert states["XBT/EUR"]["status"] == "refused"
    assert states["XBT/EUR"]["reason"] == "Currency pair not supported XBT/EUR"
    publishing.box.book.lose("checksum")
    await publishing.flush()
    assert (await publishing.states())["BTC/USD"]["status"] == "syncing"
    assert (await publishing.hash())["status"] == "syncing"


async def test_lost_book_stays_in_redis_with_the_status_syncing(publishing: Publishing) -> None:
    await publishing.lead()
    publishing.box.update(2)
    await publishing.flush()
    before = await publishing.hash()
    publishing.box.book.lose("closed")
    await publishing.flush()
    after = await publishing.hash()
    assert after["status"] == "syncing"
    for name in ("bids", "asks", "seq", "epoch", "event_id", "checksum", "confirmed_at"):
        assert after[name] == before[name]


async def test_confirmed_at_is_redis_time_less_the_time_since_the_frame_was_read(
    redis: RedisNode, publishing: Publishing
) -> None:
    moment = timestamp_now()
    publishing.link.last_frame_at = Timestamp(moment.unix, moment.steady - 3_000_000_000)
    await publishing.lead()
    seconds, microseconds = await redis.time()
    now = seconds * 10**9 + microseconds * 1000
    age = now - parse_rfc3339((await publishing.hash())["confirmed_at"])
    assert age >= 3_000_000_000


# Each flush is a round, and touches quiet books at once.
HURRIED = replace(QUICK_RETRIES, round_interval=0.0, touch_interval=0.0)


async def test_quiet_live_book_is_touched_after_a_frame_of_its_connection(
    redis: RedisNode,
) -> None:
    publishing = Publishing(redis, tuning=HURRIED)
    await publishing.lead()
    before, events, wakes = (
        await publishing.hash(),
        await publishing.events(),
        await publishing.wakes(),
    )
    publishing.link.last_frame_at = timestamp_now()
    await publishing.flush()
    after = await publishing.hash()
    assert after["confirmed_at"] > before["confirmed_at"]
    assert {**after, "confirmed_at": ""} == {**before, "confirmed_at": ""}
    assert await publishing.events() == events
    assert await publishing.wakes() == wakes


@pytest.mark.parametrize("why", ["connection", "book"])
async def test_book_that_is_not_confirmed_is_not_touched(redis: RedisNode, why: str) -> None:
    publishing = Publishing(redis, tuning=HURRIED)
    await publishing.lead()
    if why == "connection":
        publishing.link.last_frame_at = None
    else:
        publishing.box.book.lose("checksum")
        await publishing.flush()
    before = await publishing.hash()
    await publishing.flush()
    assert (await publishing.hash())["confirmed_at"] == before["confirmed_at"]


async def test_running_publisher_writes_events_without_a_flush_call(publishing: Publishing) -> None:
    publishing.box.snapshot()
    running = asyncio.create_task(publishing.publisher.run())
    publishing.publisher.lead(EPOCH)
    await async_wait_until(publishing.seqs)
    publishing.box.update(3)
    assert await async_wait_for(lambda: _at_least(publishing, 5)) == [1, 2, 3, 4, 5]
    await cancel(running)


async def _at_least(publishing: Publishing, count: int) -> list[int]:
    seqs = await publishing.seqs()
    return seqs if len(seqs) >= count else []
