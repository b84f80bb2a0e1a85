"""The stream of one book after lost events, corrupt keys and outages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.delivery.cursor import Cursor
from api.store.errors import RedisAway
from kraken_book.contract.keys import WAKE, book_key, events_key
from lab.waiting import async_wait_until
from lab.written_books import snapshot, status, update, updates
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from tests.api.replica import EPOCH, Message, Replica, Written, messages, received, short, shorts


async def test_slow_cursor_sends_lagged_then_snapshot(
    redis: RedisNode, written: Written, waited_on: int
) -> None:
    replica = Replica(redis, ring_events=4, max_streams_waited_on=waited_on)
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        slow, quick = replica.cursor(), replica.cursor()
        await slow.open()
        await quick.open()
        got: list[Message] = []
        for seq in range(2, 22):
            await written.book(EPOCH, update(seq))
            got += await received(quick, 1)
        lagged, opened, *rest = messages(await slow.next())
        assert short(got) == [("update", seq) for seq in range(2, 22)], "others miss nothing"
        assert (lagged["missed"], lagged["reason"], lagged.id) == (20, "slow", None)
        assert opened.short == ("snapshot", 21)
        assert rest == []
        await written.book(EPOCH, update(22))
        assert short(await received(slow, 1)) == [("update", 22)]


async def test_trim_before_the_read_sends_lagged_then_snapshot(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    cursor = any_replica.cursor()
    await cursor.open()
    await written.book(EPOCH, *updates(2, 9))
    await written.trim(2)
    await any_replica.feed.catch_up(any_replica.ring())
    lagged, opened = messages(await cursor.next())
    assert (lagged["kind"], lagged["missed"], lagged["reason"]) == ("lagged", 8, "trimmed")
    assert opened.short == ("snapshot", 9)
    await written.book(EPOCH, update(10))
    await any_replica.feed.catch_up(any_replica.ring())
    assert shorts(await cursor.next()) == [("update", 10)]


async def test_gap_without_book_sends_syncing_until_there_is_one(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    cursor = any_replica.cursor()
    await cursor.open()
    await written.status(EPOCH, *updates(2, 6), status(7))
    await written.trim(3)
    await any_replica.feed.catch_up(any_replica.ring())
    got = messages(await cursor.next())
    assert [(message["kind"], message["status"]) for message in got] == [("status", "syncing")]
    await written.book(EPOCH, snapshot(8), update(9))
    await any_replica.feed.catch_up(any_replica.ring())
    lagged, opened = messages(await cursor.next())
    assert (lagged["kind"], lagged["missed"], lagged["reason"]) == ("lagged", 8, "trimmed")
    assert opened.short == ("snapshot", 9)


async def test_redis_that_went_back_sends_lagged_then_snapshot(
    redis: RedisNode, written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    async with any_replica.reading() as cursor:
        # A failover that lost the last writes leaves an older book and stream.
        await redis.hset(book_key("BTC/USD"), mapping={"seq": "1", "stream_id": "1-1"})
        await redis.hset(book_key("BTC/USD"), mapping={"stream_seq": "1", "event_id": "1-1"})
        await redis.delete(events_key("BTC/USD"))
        lagged, opened = await received(cursor, 2)
        assert (lagged["kind"], lagged["reason"]) == ("lagged", "redis")
        assert opened.short == ("snapshot", 1)


async def test_reader_of_a_stale_book_is_told_that_it_is_live_after_redis_went_back(
    redis: RedisNode, written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, *(snapshot(1), *updates(2, 6)), age=60.0)
    async with any_replica.following():
        cursor = any_replica.cursor()
        await cursor.open()
        await async_wait_until(lambda: any_replica.ring().is_stale, "the book is stale")
        await redis.delete(book_key("BTC/USD"), events_key("BTC/USD"))
        await written.book(EPOCH + 1, snapshot(1))
        got: list[Message] = []

        async def is_told() -> bool:
            # Repeatedly, so that the book stays young on a slow machine.
            await written.touch(EPOCH + 1, 1)
            got.extend(messages(await cursor.next()))
            return bool(got) and got[-1].get("status") == "live"

        await async_wait_until(is_told, "the book is live")
        kinds = [message["kind"] for message in got]
        assert kinds.index("lagged") < kinds.index("snapshot") < len(kinds) - 1


@asynccontextmanager
async def reading_second_book(written: Written, replica: Replica) -> AsyncIterator[Cursor]:
    """Follow BTC/USD and ETH/USD within the context, with an open cursor of ETH/USD."""
    await written.book(EPOCH, snapshot(1))
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    async with replica.reading():
        other = replica.cursor("ETH/USD")
        await other.open()
        yield other


async def test_malformed_stream_id_stops_no_other_cursor(
    redis: RedisNode, written: Written, any_replica: Replica
) -> None:
    async with reading_second_book(written, any_replica) as other:
        await redis.hset(book_key("BTC/USD"), "stream_id", "somebody's")
        # Only a sweep finds this event, after it has met the malformed id.
        await written.book(EPOCH, update(2), symbol="ETH/USD", wake=False)
        put = await any_replica.reads.time()
        await async_wait_until(lambda: (any_replica.ring("ETH/USD").complete or 0) > put, "a sweep")
        assert short(await received(other, 1)) == [("update", 2)]


async def test_keys_of_wrong_type_stop_no_other_cursor(
    redis: RedisNode, written: Written, any_replica: Replica
) -> None:
    async with reading_second_book(written, any_replica) as other:
        await redis.delete(events_key("BTC/USD"), book_key("BTC/USD"))
        await redis.set(events_key("BTC/USD"), "somebody's")
        await redis.set(book_key("BTC/USD"), "somebody's")
        await redis.xadd(WAKE, {"s": "BTC/USD,ETH/USD"})
        await written.book(EPOCH, update(2), symbol="ETH/USD")
        assert short(await received(other, 1)) == [("update", 2)]


async def test_snapshot_of_a_new_epoch_follows_after_redis_lost_everything(
    redis: RedisNode, written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), update(2))
    async with any_replica.reading() as cursor:
        await redis.flushall()
        await written.book(EPOCH + 1, snapshot(3), update(4))
        assert short(await received(cursor, 2)) == [("snapshot", 3), ("update", 4)]


async def test_open_and_resume_without_redis_raise_redis_away(any_replica: Replica) -> None:
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    for opening in (away.cursor().open(), away.cursor().resume("1-1")):
        with pytest.raises(RedisAway) as caught:
            await opening
        assert caught.value.members["reason"] == "refused"


async def test_sweep_finds_event_without_wake(written: Written, any_replica: Replica) -> None:
    await written.book(EPOCH, snapshot(1))
    async with any_replica.reading() as cursor:
        await written.book(EPOCH, update(2), wake=False)
        assert short(await received(cursor, 1)) == [("update", 2)]
