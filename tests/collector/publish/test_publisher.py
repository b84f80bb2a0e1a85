"""The publisher and its writers against real Redis: each event once, whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from collector.feed.timestamp import Timestamp, timestamp_now
from kraken_book.contract.keys import SYMBOLS, book_key, events_key
from kraken_book.timestamps import parse_rfc3339
from lab.redis_reads import carry_out
from lab.waiting import async_wait_for, async_wait_until, cancel
from lab.written_books import book_call, snapshot, status, status_call
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.publish.boxes import Box
from tests.collector.publish.publishing import EPOCH, QUICK_RETRIES, LossyRedis, Publishing


async def test_publisher_writes_nothing_before_it_leads(redis: RedisNode, publishing: Publishing) -> None:
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


# Redis in trouble


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
    assert events[0]["seq"] > 6, "numbers go on rising"
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
    losing: LossyRedis,
) -> None:
    publishing = Publishing(losing)
    await publishing.lead()
    losing.sent.clear()
    losing.to_lose = 3
    publishing.box.update(2)
    flushing = asyncio.create_task(publishing.flush())
    await async_wait_until(lambda: losing.to_lose < 3)
    publishing.box.update(5)
    await flushing
    assert len(losing.sent) >= 4
    assert losing.sent[0]
    assert all(calls == losing.sent[0] for calls in losing.sent[:4])
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
    losing: LossyRedis,
) -> None:
    publishing = Publishing(losing)
    await publishing.lead()
    losing.to_lose = 1
    publishing.box.update()
    flushing = asyncio.create_task(publishing.flush())
    await async_wait_until(lambda: losing.to_lose == 0)
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


# Others who write


async def test_writer_with_a_newer_epoch_fences_the_older_one(
    redis: RedisNode,
) -> None:
    first, second = Publishing(redis), Publishing(redis)
    await first.lead(EPOCH)
    await second.lead(EPOCH + 7)
    await second.flush()
    before = await first.events()
    first.box.update(3)
    await first.flush()
    assert not first.leadership.is_leading
    assert first.leadership.newest_seen == EPOCH + 7
    assert await first.leadership.is_fenced_within(0)
    first.box.update(3)
    await first.flush()
    assert await first.events() == before
    second.box.update()
    await second.flush()
    assert (await second.events())[-1]["epoch"] == EPOCH + 7


async def test_new_leader_continues_above_the_seq_of_the_stream(redis: RedisNode) -> None:
    old = book_call(EPOCH - 1, [snapshot(4000)])
    await carry_out(redis, old)
    publishing = Publishing(redis)
    await publishing.lead()
    await publishing.flush()
    events = await publishing.events()
    assert [e["seq"] for e in events] == [4000, 4001, 4002]
    assert events[1]["kind"] == "snapshot"
    assert events[1]["conflated"] is None


async def test_new_leader_without_a_book_writes_syncing_and_fences_the_old_one(
    redis: RedisNode,
) -> None:
    old = Publishing(redis)
    await old.lead(EPOCH)
    new = Publishing(redis)
    new.publisher.lead(EPOCH + 1)
    await new.flush()
    await new.flush()
    assert (await new.events())[-1]["status"] == "syncing"
    old.box.update()
    await old.flush()
    assert not old.leadership.is_leading
    assert old.leadership.newest_seen == EPOCH + 1


async def test_new_leader_without_precisions_leaves_the_book_readable(
    redis: RedisNode,
) -> None:
    from api.store.book_store import BookStore

    old = Publishing(redis)
    await old.lead(EPOCH)
    new = Publishing(redis)
    new.box.book.precision = None
    new.publisher.lead(EPOCH + 1)
    await new.flush()
    await new.flush()
    book = await BookStore(OneNode(redis)).book("BTC/USD")
    assert book is not None
    assert book.hash.snapshot is not None
    assert (book.hash.status, book.hash.snapshot.precision) == ("syncing", (1, 8))


async def test_gap_within_an_epoch_is_followed_by_a_snapshot(
    redis: RedisNode, publishing: Publishing
) -> None:
    await publishing.lead()
    await carry_out(redis, status_call(EPOCH, [status(3)]))
    await carry_out(redis, book_call(EPOCH, [snapshot(50)]))
    publishing.box.update(51)
    publishing.box.update()
    await publishing.flush()
    for _ in range(3):
        await publishing.flush()
    seqs = await publishing.seqs()
    assert seqs == sorted(set(seqs))
    assert (await publishing.hash())["checksum"] == str(publishing.box.naive.checksum)


# Ages


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


# Each flush looks at every symbol, and a quiet book is touched at once.
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


# Symbols that come and go


async def test_deleted_fields_of_the_symbols_hash_are_written_again(
    redis: RedisNode,
) -> None:
    publishing = Publishing(redis, "BTC/USD", "ETH/USD")
    await publishing.lead()
    running = asyncio.create_task(publishing.publisher.run())

    async def is_listed() -> bool:
        return set(await publishing.states()) >= set(publishing.boxes)

    try:
        # Also where others of another shard are listed.
        await redis.hset(SYMBOLS, "SOL/USD", "{}")
        for gone in (["BTC/USD"], ["BTC/USD", "ETH/USD"], ["ETH/USD"]):
            await async_wait_until(is_listed, "the symbols are listed")
            await redis.hdel(SYMBOLS, *gone)
        await async_wait_until(is_listed, "the symbols are listed")
        await redis.delete(SYMBOLS)
        await async_wait_until(is_listed, "the symbols are listed again")
    finally:
        await cancel(running)


async def test_symbol_added_to_a_leader_is_published_at_once(publishing: Publishing) -> None:
    await publishing.lead()
    box = Box("ETH/USD")
    box.writer = publishing.publisher.add(box.book)
    box.snapshot()
    box.update()
    await publishing.flush()
    events = await publishing.events("ETH/USD")
    kinds = [event["kind"] for event in events]
    assert kinds == ["status", "snapshot", "status", "update"]
    assert {event["epoch"] for event in events} == {EPOCH}


async def test_removed_symbol_is_written_to_its_last_event(
    publishing: Publishing,
) -> None:
    await publishing.lead()
    publishing.box.update()
    publishing.box.book.refuse("not listed")
    publishing.publisher.remove("BTC/USD")
    await publishing.flush()
    kinds = [event["kind"] for event in await publishing.events()]
    assert kinds == ["snapshot", "status", "update", "status"]
    assert (await publishing.states())["BTC/USD"]["status"] == "refused"
    await publishing.redis.delete(SYMBOLS)
    publishing.publisher.lead(EPOCH + 1)
    await publishing.flush()
    assert [event["epoch"] for event in await publishing.events()] == [EPOCH] * 4
    assert await publishing.states() == {}


@pytest.mark.parametrize("has_gone", [False, True])
@pytest.mark.parametrize("is_cleared", [False, True])
async def test_symbol_added_again_continues_above_its_last_seq(
    publishing: Publishing, has_gone: bool, is_cleared: bool
) -> None:
    await publishing.lead()
    publishing.box.update(50)
    publishing.box.book.refuse("not listed")
    publishing.publisher.remove("BTC/USD")
    if has_gone:
        await publishing.flush()
    if has_gone and is_cleared:
        await publishing.redis.delete(book_key("BTC/USD"), events_key("BTC/USD"))
    left_at = 53
    again = Box()
    again.writer = publishing.publisher.add(again.book)
    again.snapshot()
    again.update(7)
    await publishing.flush()
    events = await publishing.events()
    seqs = [event["seq"] for event in events]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "each number once, none missing"
    came_back = [event for event in events if event["seq"] > left_at]
    assert [event["kind"] for event in came_back].count("update") == 7
    assert next(e["kind"] for e in came_back if e["kind"] != "status") == "snapshot"
    book = await publishing.hash()
    assert (book["status"], book["best_bid_qty"]) == ("live", "7.00000000")
    assert book["seq"] == book["stream_seq"] == str(seqs[-1])


async def test_symbol_removed_from_a_follower_is_dropped_at_once(
    publishing: Publishing,
) -> None:
    publishing.publisher.remove("BTC/USD")
    publishing.publisher.lead(EPOCH)
    await publishing.flush()
    assert await publishing.events() == []


async def test_departing_symbol_is_dropped_when_the_publisher_follows(
    publishing: Publishing,
) -> None:
    await publishing.lead()
    publishing.box.book.refuse("not listed")
    publishing.publisher.remove("BTC/USD")
    publishing.publisher.follow()
    before = await publishing.events()
    publishing.publisher.lead(EPOCH + 1)
    await publishing.flush()
    assert await publishing.events() == before
