"""Streams of many books: what readers that resume get, the watermark, and their memory."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from api.follow.buffer import MAX_BYTES
from api.store.errors import NoRoom
from api.views.channel_registry import Choice
from api.views.view import View
from kraken_book.contract.keys import SYMBOLS
from lab.waiting import async_wait_until
from lab.written_books import snapshot, status, update, updates
from runtime.redis.exchange import RedisNode
from tests.api.replica import Replica, Written
from tests.api.views.many import RAW, TOP, Many, clock_is_after, read_all, two_books


async def test_resumed_reader_gets_lagged_for_a_book_unknown_to_the_replica(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await two_books(written)
    await written.book(1, update(3))
    watermark = (await written.ids())[1].partition("-")[0]
    async with replica.following():
        await redis.delete(SYMBOLS)
        await written.symbol("ETH/USD")
        # This replica does not know BTC/USD.
        async with read_all(replica, RAW, watermark) as back:
            await written.symbol("BTC/USD")
            lagged = await back.until_status("BTC/USD", "lagged", "unknown")
            assert lagged["missed"] is None
            await back.until_seq("BTC/USD", 3)


@pytest.mark.parametrize("is_other_replica", [False, True])
async def test_reader_that_resumes_while_a_symbol_is_refused_gets_its_events(
    redis: RedisNode, written: Written, replica: Replica, *, is_other_replica: bool
) -> None:
    await two_books(written)
    async with AsyncExitStack() as replicas:
        await replicas.enter_async_context(replica.following())
        stays = await replicas.enter_async_context(read_all(replica))
        await stays.until_seq("BTC/USD", 2)
        watermark = (await written.ids("ETH/USD"))[-1].partition("-")[0]
        await clock_is_after(replica, int(watermark))
        await written.status(1, status(3))
        await written.symbol("BTC/USD", "refused", "Trading is paused")
        await stays.until_status("BTC/USD", "syncing", "Trading is paused")
        if is_other_replica:
            replica = Replica(redis)
            await replicas.enter_async_context(replica.following())
        async with read_all(replica, RAW, watermark) as back:
            await back.until_seq("BTC/USD", 3)
            async with read_all(replica) as late:
                await late.until_seq("ETH/USD", 2)
                assert late.of("BTC/USD") == []
            await written.status(1, status(4))
            await written.book(1, snapshot(5))
            await written.symbol("BTC/USD")
            for reader in (back, stays):
                await reader.until_status("BTC/USD", "live", None)
                seqs = [message["seq"] for message in reader.of("BTC/USD")]
                assert [seq for seq in seqs if seq] == [*range(2 + (reader is back), 6), 5]
                assert "lagged" not in {message["kind"] for message in reader.got}


async def test_watermark_passes_no_event_of_a_symbol_before_it_is_in_the_log(
    written: Written, replica: Replica
) -> None:
    await two_books(written)
    choice = Choice(None, RAW, is_many=True)
    async with replica.following():
        channel = await replica.channels.join(choice)
        await written.symbol("SOL/USD")
        await written.book(1, snapshot(1), symbol="SOL/USD")
        (event_id,) = await written.ids("SOL/USD")
        written_at = int(event_id.partition("-")[0])

        def has_joined() -> bool:
            member = channel.members.get("SOL/USD")
            is_in_log = member is not None and member.has_begun
            assert is_in_log or channel.watermark < written_at
            return is_in_log and channel.watermark > written_at

        await async_wait_until(has_joined, "SOL/USD has joined")
        replica.channels.leave(choice, channel)


@pytest.mark.parametrize("symbols", [None, ("BTC/USD", "SOL/USD")])
async def test_symbol_without_a_book_does_not_hold_the_watermark_back(
    written: Written, replica: Replica, symbols: tuple[str, ...] | None
) -> None:
    await two_books(written)
    await written.symbol("SOL/USD", "refused", "Currency pair not supported")
    choice = Choice(symbols, RAW, is_many=True)
    async with replica.following():
        channel = await replica.channels.join(choice)
        assert channel.members["SOL/USD"].followed.book is None
        begun = channel.watermark
        await async_wait_until(lambda: channel.watermark > begun, "it moves")
        replica.channels.leave(choice, channel)


async def test_resumed_reader_gets_stale_of_a_stale_book(redis: RedisNode) -> None:
    written, replica = Written(redis), Replica(redis, max_age=5.0)
    await written.book(1, snapshot(1), age=60.0)
    await written.symbol("BTC/USD")
    async with replica.following(), read_all(replica) as other:
        await other.until_status("BTC/USD", "stale", "age")
        async with read_all(replica, RAW, str(await replica.reads.time())) as back:
            await back.until_status("BTC/USD", "stale", "age")


@pytest.mark.parametrize("max_bytes", [MAX_BYTES, 100_000])
@pytest.mark.parametrize("has_other", [True, False])
async def test_resumed_reader_gets_every_later_event_from_memory_or_redis(
    redis: RedisNode, written: Written, max_bytes: int, *, has_other: bool
) -> None:
    replica = Replica(redis, max_bytes=max_bytes)
    await written.book(1, snapshot(1), update(2))
    await written.symbol("BTC/USD")
    watermark = int((await written.ids())[-1].partition("-")[0])

    await clock_is_after(replica, watermark)
    async with replica.following(), AsyncExitStack() as others:
        if has_other:
            other = await others.enter_async_context(read_all(replica))
            await other.until_seq("BTC/USD", 2)
        for first in range(3, 603, 100):
            await written.book(1, *updates(first, first + 99))
        async with read_all(replica, RAW, str(watermark)) as back:
            await back.until_seq("BTC/USD", 602)
            assert [message.get("seq") for message in back.got] == list(range(3, 603))


async def test_many_views_use_little_memory_and_free_it(written: Written, replica: Replica) -> None:
    await two_books(written)
    views = 10
    async with replica.following():
        cursors = []
        for levels in range(1, views + 1):
            choice = Choice(None, View(levels), is_many=True)
            cursors.append(await replica.starter.channel_cursor(choice))
            await cursors[-1].open()
        seq = 2

        async def all_have_shown_more_than_they_keep() -> bool:
            nonlocal seq
            await written.book(1, *updates(seq + 1, seq + 5))
            seq += 5
            return all(cursor.log.events_from(20, 0) is None for cursor in cursors)

        await async_wait_until(all_have_shown_more_than_they_keep, "the logs are full")
        assert replica.buffer.bytes < views * 40_000
        slow = Many(cursors[0])
        await slow.until_seq("BTC/USD", seq)
        assert [m["reason"] for m in slow.got if m["kind"] == "lagged"] == ["slow"] * 2
        for cursor in cursors:
            cursor.close()
        assert (replica.buffer.bytes, replica.buffer.floors) == (0, 0)


async def test_view_without_room_is_refused_and_others_continue(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis, max_bytes=200_000)
    await two_books(written)
    async with replica.following(), read_all(replica) as many:
        await many.until_seq("BTC/USD", 2)
        refused = None
        for levels in range(1, 100):
            try:
                await replica.channels.join(Choice(None, View(levels), is_many=True))
            except NoRoom as error:
                refused = error
                break
        assert refused is not None
        assert (refused.is_passing, refused.code) == (True, "no-room")
        assert "API_BUFFER_MB" in refused.detail
        await written.book(1, *updates(3, 9))
        await many.until_seq("BTC/USD", 9)
        assert not [m for m in many.got if m["kind"] == "lagged"]


async def test_lagged_reader_opens_again_when_there_is_room(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis, max_bytes=200_000)
    await two_books(written)
    async with replica.following(), read_all(replica, TOP) as many:
        await many.until_seq("BTC/USD", 2)
        await async_wait_until(lambda: not replica.buffer.pinned, "the first opening is freed")
        replica.buffer.pin(100_000)
        seq = 2

        async def has_shown_more_than_it_keeps() -> bool:
            nonlocal seq
            await written.book(1, *updates(seq + 1, seq + 5))
            seq += 5
            return many.cursor.log.events_from(20, 0) is None

        await async_wait_until(has_shown_more_than_it_keeps, "the log is full")
        await many.until_status("BTC/USD", "lagged", "slow")
        assert many.of("BTC/USD")[-1]["kind"] == "lagged", "there is no room for more"
        replica.buffer.unpin(100_000)
        await written.book(1, update(seq + 1))
        await many.until_seq("BTC/USD", seq + 1)
