"""The stream of one book: it opens with a snapshot, and every later event follows."""

from __future__ import annotations

import asyncio

import pytest

from api.delivery.openers import CursorState
from kraken_book.contract.keys import book_key, events_key
from kraken_book.event import decode_event
from lab.redis_reads import entries_at
from lab.waiting import async_wait_for, async_wait_until
from lab.written_books import snapshot, status, update, updates
from runtime.redis.exchange import RedisNode
from tests.api.replica import EPOCH, Replica, Written, messages, received, short, shorts


async def test_new_cursor_opens_with_the_book_of_the_hash(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 5))
    async with any_replica.following():
        cursor = any_replica.cursor()
        (message,) = messages(await cursor.open())
        assert cursor.state is CursorState.FOLLOWING
        assert message.short == ("snapshot", 5)
        assert message.id == (await written.ids())[-1]
        assert message["bids"] == [["100.0", "0.00000005"], ["99.0", "1.00000000"]]
        assert (message["received_at"], message["conflated"]) == (None, None)


async def test_new_cursor_sends_every_event_after_its_book(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 5))
    async with any_replica.reading() as cursor:
        for first in (6, 9, 12):
            await written.book(EPOCH, *updates(first, first + 2))
        got = await received(cursor, 9)
        assert short(got) == [("update", seq) for seq in range(6, 15)]
        assert [message.id for message in got] == (await written.ids())[5:]
        assert await cursor.next() == b""


async def test_event_is_sent_byte_for_byte_as_collected(
    redis: RedisNode, written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with any_replica.reading() as cursor:
        await written.book(EPOCH, update(2))
        data = await async_wait_for(cursor.next)
    (_, (event_id, fields)) = await entries_at(redis, events_key("BTC/USD"))
    assert data == b"id: " + event_id + b"\ndata: " + fields[b"data"] + b"\n\n"
    decode_event(fields[b"data"])


async def test_second_cursor_joins_at_the_current_hash(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with any_replica.following():
        first = any_replica.cursor()
        await first.open()
        await written.book(EPOCH, *updates(2, 4))
        second = any_replica.cursor()
        assert shorts(await second.open()) == [("snapshot", 4)]
        await written.book(EPOCH, update(5))
        assert short(await received(second, 1)) == [("update", 5)]
        assert short(await received(first, 4)) == [("update", seq) for seq in (2, 3, 4, 5)]


async def test_hash_behind_its_stream_opens_and_later_events_follow(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    await written.status(EPOCH, update(2), status(3))
    async with any_replica.following():
        cursor = any_replica.cursor()
        assert shorts(await cursor.open()) == [("snapshot", 1)]
        assert short(await received(cursor, 2)) == [("update", 2), ("status", 3)]


async def test_open_without_book_sends_syncing_and_waits(
    written: Written, any_replica: Replica
) -> None:
    async with any_replica.following():
        cursor = any_replica.cursor()
        (message,) = messages(await cursor.open())
        assert (message["kind"], message["status"], message.id) == ("status", "syncing", None)
        assert (cursor.state, cursor.log.waiting) == (CursorState.WAITING, 1)
        await written.book(EPOCH, snapshot(1), update(2))
        assert short(await received(cursor, 1)) == [("snapshot", 2)]
        assert (cursor.state, cursor.log.waiting) == (CursorState.FOLLOWING, 0)
        await written.book(EPOCH, update(3))
        assert short(await received(cursor, 1)) == [("update", 3)]


async def test_book_restored_by_an_update_opens_with_a_snapshot(
    redis: RedisNode, written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    await redis.delete(book_key("BTC/USD"))
    async with any_replica.following():
        cursor = any_replica.cursor()
        assert messages(await cursor.open())[0]["status"] == "syncing"
        await written.book(EPOCH, update(7))
        assert short(await received(cursor, 1)) == [("snapshot", 7)]
        await written.book(EPOCH, update(8))
        assert short(await received(cursor, 1)) == [("update", 8)]


async def test_snapshot_of_a_new_leader_follows_despite_its_jump(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with any_replica.reading() as cursor:
        await written.book(EPOCH + 1, snapshot(500), update(501))
        await written.book(EPOCH + 1, snapshot(900))
        got = await received(cursor, 3)
        assert short(got) == [("snapshot", 500), ("update", 501), ("snapshot", 900)]


async def test_old_book_is_stale_and_live_again_when_confirmed(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), age=60.0)
    async with any_replica.following():
        cursor = any_replica.cursor()
        opened = messages(await cursor.open())
        got = [m for m in opened if m["kind"] == "status"] or await received(cursor, 1)
        stale = got[0]
        assert (stale["status"], stale["reason"]) == ("stale", "age")
        assert (stale["seq"], stale["epoch"], stale.id) == (None, None, None)
        again = asyncio.create_task(received(cursor, 1))
        while not again.done():
            # Repeatedly, so that the book stays young on a slow machine.
            await written.touch(EPOCH, 1)
            await asyncio.wait({again}, timeout=0.1)
        (live,) = await again
        assert (live["status"], live["seq"], live["epoch"], live.id) == ("live", None, None, None)


@pytest.mark.parametrize("how", ["open", "ring", "stream"])
async def test_cursor_opened_on_a_stale_book_sends_stale(
    redis: RedisNode, written: Written, how: str
) -> None:
    replica = Replica(redis)
    await written.book(EPOCH, snapshot(1), update(2), age=60.0)
    ids = await written.ids()
    async with replica.following():
        first = replica.cursor()
        await first.open()
        await async_wait_until(lambda: replica.ring().is_stale)
        late = replica.cursor()
        if how == "open":
            data = await late.open()
        else:
            data = await late.resume(ids[1] if how == "ring" else ids[0])
        statuses = [m["status"] for m in messages(data) if m["kind"] == "status"]

        async def has_status() -> bool:
            more = messages(await late.next())
            statuses.extend(m["status"] for m in more if m["kind"] == "status")
            return bool(statuses)

        await async_wait_until(has_status, "a status")
        assert set(statuses) == {"stale"}


async def test_ring_exists_while_it_has_a_cursor(any_replica: Replica) -> None:
    first, second = any_replica.cursor(), any_replica.cursor()
    assert first.log is second.log
    first.close()
    third = any_replica.cursor()
    assert third.log is second.log
    for cursor in (second, third):
        cursor.close()
    assert len(any_replica.registry) == 0
    assert any_replica.cursor().log is not second.log


async def test_cursors_opened_together_share_reads_of_redis(
    redis: RedisNode, written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    ids = await written.ids()
    before = (await redis.info("stats"))["total_commands_processed"]
    readers = [any_replica.cursor() for _ in range(200)]
    opened = await asyncio.gather(*(cursor.open() for cursor in readers))
    assert {tuple(shorts(data)) for data in opened} == {(("snapshot", 6),)}
    back = [any_replica.cursor() for _ in range(200)]
    await asyncio.gather(*(cursor.resume(ids[2]) for cursor in back))
    sent = await asyncio.gather(*(cursor.next() for cursor in back))
    assert {tuple(shorts(data)) for data in sent} == {(("update", 4), ("update", 5), ("update", 6))}
    assert (await redis.info("stats"))["total_commands_processed"] - before < 20
