"""A cursor of one book: it joins where it should, misses nothing, and is told if it does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.delivery.openers import CursorState
from api.follow.event_log import WRITE_BYTES
from api.follow.wake import MAX_STREAMS
from api.store.errors import RedisAway
from kraken_book.contract.keys import WAKE, book_key, events_key
from kraken_book.event import decode_event
from lab.redis_reads import entries_at
from lab.waiting import async_wait_for, async_wait_until
from lab.written_books import snapshot, status, update, updates
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import EPOCH, Message, Replica, Written, messages, received, short, shorts


@pytest.fixture(params=["its stream", "the wake"])
def waited_on(request: pytest.FixtureRequest) -> int:
    """How many streams the replica waits on; it is all the same to a cursor."""
    return MAX_STREAMS if request.param == "its stream" else 0


@pytest.fixture
def replica(redis: RedisNode, waited_on: int) -> Replica:
    return Replica(redis, max_streams_waited_on=waited_on)


async def test_new_cursor_opens_with_the_book_of_the_hash(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 5))
    async with replica.following():
        cursor = replica.cursor()
        (message,) = messages(await cursor.open())
        assert cursor.state is CursorState.FOLLOWING
        assert message.short == ("snapshot", 5)
        assert message.id == (await written.ids())[-1]
        assert message["bids"] == [["100.0", "0.00000005"], ["99.0", "1.00000000"]]
        assert (message["received_at"], message["conflated"]) == (None, None)


async def test_new_cursor_sends_every_event_after_its_book(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 5))
    async with replica.following():
        cursor = replica.cursor()
        await cursor.open()
        for first in (6, 9, 12):
            await written.book(EPOCH, *updates(first, first + 2))
        got = await received(cursor, 9)
        assert short(got) == [("update", seq) for seq in range(6, 15)]
        assert [message.id for message in got] == (await written.ids())[5:]
        assert await cursor.next() == b""


async def test_event_is_sent_byte_for_byte_as_collected(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        cursor = replica.cursor()
        await cursor.open()
        await written.book(EPOCH, update(2))
        data = await async_wait_for(cursor.next)
    (_, (event_id, fields)) = await entries_at(redis, events_key("BTC/USD"))
    assert data == b"id: " + event_id + b"\ndata: " + fields[b"data"] + b"\n\n"
    decode_event(fields[b"data"])


async def test_second_cursor_joins_at_the_current_hash(written: Written, replica: Replica) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        first = replica.cursor()
        await first.open()
        await written.book(EPOCH, *updates(2, 4))
        second = replica.cursor()
        assert shorts(await second.open()) == [("snapshot", 4)]
        await written.book(EPOCH, update(5))
        assert short(await received(second, 1)) == [("update", 5)]
        assert short(await received(first, 4)) == [("update", seq) for seq in (2, 3, 4, 5)]


async def test_hash_behind_its_stream_opens_and_later_events_follow(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    await written.status(EPOCH, update(2), status(3))
    async with replica.following():
        cursor = replica.cursor()
        assert shorts(await cursor.open()) == [("snapshot", 1)]
        assert short(await received(cursor, 2)) == [("update", 2), ("status", 3)]


async def test_open_without_book_sends_syncing_and_waits(
    written: Written, replica: Replica
) -> None:
    async with replica.following():
        cursor = replica.cursor()
        (message,) = messages(await cursor.open())
        assert (message["kind"], message["status"], message.id) == ("status", "syncing", None)
        assert (cursor.state, cursor.log.waiting) == (CursorState.WAITING, 1)
        await written.book(EPOCH, snapshot(1), update(2))
        assert short(await received(cursor, 1)) == [("snapshot", 2)]
        assert (cursor.state, cursor.log.waiting) == (CursorState.FOLLOWING, 0)
        await written.book(EPOCH, update(3))
        assert short(await received(cursor, 1)) == [("update", 3)]


async def test_book_restored_by_an_update_opens_with_a_snapshot(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    await redis.delete(book_key("BTC/USD"))
    async with replica.following():
        cursor = replica.cursor()
        assert messages(await cursor.open())[0]["status"] == "syncing"
        await written.book(EPOCH, update(7))
        assert short(await received(cursor, 1)) == [("snapshot", 7)]
        await written.book(EPOCH, update(8))
        assert short(await received(cursor, 1)) == [("update", 8)]


# Resuming


@pytest.mark.parametrize("other_reader", [False, True])
async def test_resume_continues_after_the_event_without_snapshot(
    written: Written, replica: Replica, other_reader: bool
) -> None:
    """From the stream's past, or from a ring that another cursor keeps."""
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        if other_reader:
            await replica.cursor().open()
        await written.book(EPOCH, *updates(2, 6))
        ids = await written.ids()
        cursor = replica.cursor()
        assert await cursor.resume(ids[2]) == b""
        got = await received(cursor, 3)
        await written.book(EPOCH, update(7))
        got += await received(cursor, 1)
        assert short(got) == [("update", seq) for seq in (4, 5, 6, 7)]


async def test_resume_works_on_any_replica(redis: RedisNode, written: Written) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    ids = await written.ids()
    for replica in (Replica(redis), Replica(redis)):
        async with replica.following():
            cursor = replica.cursor()
            assert await cursor.resume(ids[0]) == b""
            assert short(await received(cursor, 5)) == [("update", n) for n in range(2, 7)]


async def test_resume_at_the_newest_event_waits_for_the_next(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), update(2))
    async with replica.following():
        cursor = replica.cursor()
        assert await cursor.resume((await written.ids())[-1]) == b""
        assert await cursor.next() == b""
        await written.book(EPOCH, update(3))
        assert short(await received(cursor, 1)) == [("update", 3)]


async def test_resume_over_several_pages_misses_nothing(
    redis: RedisNode, written: Written, waited_on: int
) -> None:
    replica = Replica(redis, page_entries=3, max_entries=3, max_streams_waited_on=waited_on)
    await written.book(EPOCH, snapshot(1), *updates(2, 20))
    async with replica.following():
        # The ring begins at the book, so the events are in Redis alone.
        await replica.cursor().open()
        cursor = replica.cursor()
        await cursor.resume((await written.ids())[0])
        assert cursor.state is CursorState.PAGING
        assert short(await received(cursor, 19)) == [("update", n) for n in range(2, 21)]


async def test_resume_after_trim_sends_lagged_then_snapshot(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    gone = (await written.ids())[0]
    await written.trim(3)
    async with replica.following():
        cursor = replica.cursor()
        lagged, opened = messages(await cursor.resume(gone))
        assert lagged == {
            "symbol": "BTC/USD",
            "kind": "lagged",
            "missed": None,
            "reason": "unknown",
        }
        assert lagged.id is None
        assert opened.short == ("snapshot", 6)
        await written.book(EPOCH, update(7))
        assert short(await received(cursor, 1)) == [("update", 7)]


async def test_resume_after_unknown_id_sends_lagged_then_snapshot(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        got = shorts(await replica.cursor().resume("99-1"))
        assert [kind for kind, _ in got] == ["lagged", "snapshot"]


async def test_resume_overtaken_by_a_trim_counts_missed_events(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis, page_entries=2)
    await written.book(EPOCH, snapshot(1), *updates(2, 9))
    await replica.cursor().open()
    cursor = replica.cursor()
    assert await cursor.resume((await written.ids())[0]) == b""
    assert cursor.state is CursorState.PAGING
    assert shorts(await cursor.next()) == [("update", 2), ("update", 3)]
    await written.trim(2)
    lagged, opened = messages(await cursor.next())
    assert (lagged["missed"], lagged["reason"]) == (6, "trimmed")
    assert opened.short == ("snapshot", 9)


@pytest.mark.parametrize("how", ["never a book", "the hash is gone"])
async def test_resume_without_book_repeats_no_event(
    redis: RedisNode, written: Written, replica: Replica, how: str
) -> None:
    if how == "never a book":
        await written.status(EPOCH, *(status(seq) for seq in range(1, 5)))
    else:
        await written.book(EPOCH, snapshot(1), *updates(2, 4))
        await redis.delete(book_key("BTC/USD"))
    async with replica.following():
        cursor = replica.cursor()
        assert await cursor.resume((await written.ids())[2]) == b""
        await written.book(EPOCH, snapshot(5))
        got = short(await received(cursor, 2))
        assert [seq for _, seq in got] == [4, 5]


# Falling behind


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
        assert short(got) == [("update", seq) for seq in range(2, 22)], "the others go on"
        assert (lagged["missed"], lagged["reason"], lagged.id) == (20, "slow", None)
        assert opened.short == ("snapshot", 21)
        assert rest == []
        await written.book(EPOCH, update(22))
        assert short(await received(slow, 1)) == [("update", 22)]


async def test_trim_before_the_read_sends_lagged_then_snapshot(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    cursor = replica.cursor()
    await cursor.open()
    await written.book(EPOCH, *updates(2, 9))
    await written.trim(2)
    await replica.feed.catch_up(replica.ring())
    lagged, opened = messages(await cursor.next())
    assert (lagged["kind"], lagged["missed"], lagged["reason"]) == ("lagged", 8, "trimmed")
    assert opened.short == ("snapshot", 9)
    await written.book(EPOCH, update(10))
    await replica.feed.catch_up(replica.ring())
    assert shorts(await cursor.next()) == [("update", 10)]


async def test_gap_without_book_sends_syncing_until_there_is_one(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    cursor = replica.cursor()
    await cursor.open()
    await written.status(EPOCH, *updates(2, 6), status(7))
    await written.trim(3)
    await replica.feed.catch_up(replica.ring())
    got = messages(await cursor.next())
    assert [(message["kind"], message["status"]) for message in got] == [("status", "syncing")]
    await written.book(EPOCH, snapshot(8), update(9))
    await replica.feed.catch_up(replica.ring())
    lagged, opened = messages(await cursor.next())
    assert (lagged["kind"], lagged["missed"], lagged["reason"]) == ("lagged", 8, "trimmed")
    assert opened.short == ("snapshot", 9)


async def test_redis_that_went_back_sends_lagged_then_snapshot(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    async with replica.following():
        cursor = replica.cursor()
        await cursor.open()
        # What a failover that lost the last writes leaves: an older place, as if nothing were.
        await redis.hset(book_key("BTC/USD"), mapping={"seq": "1", "stream_id": "1-1"})
        await redis.hset(book_key("BTC/USD"), mapping={"stream_seq": "1", "event_id": "1-1"})
        await redis.delete(events_key("BTC/USD"))
        lagged, opened = await received(cursor, 2)
        assert (lagged["kind"], lagged["reason"]) == ("lagged", "redis")
        assert opened.short == ("snapshot", 1)


async def test_snapshot_of_a_new_leader_follows_despite_its_jump(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        cursor = replica.cursor()
        await cursor.open()
        await written.book(EPOCH + 1, snapshot(500), update(501))
        await written.book(EPOCH + 1, snapshot(900))
        got = await received(cursor, 3)
        assert short(got) == [("snapshot", 500), ("update", 501), ("snapshot", 900)]


# Ages


async def test_old_book_is_stale_and_live_again_when_confirmed(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), age=60.0)
    async with replica.following():
        cursor = replica.cursor()
        opened = messages(await cursor.open())
        got = [m for m in opened if m["kind"] == "status"] or await received(cursor, 1)
        stale = got[0]
        assert (stale["status"], stale["reason"]) == ("stale", "age")
        assert (stale["seq"], stale["epoch"], stale.id) == (None, None, None)
        again = asyncio.create_task(received(cursor, 1))
        while not again.done():
            # So that a slow machine does not let it grow old in between.
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

        async def told() -> bool:
            more = messages(await late.next())
            statuses.extend(m["status"] for m in more if m["kind"] == "status")
            return bool(statuses)

        await async_wait_until(told, "that the book is stale")
        assert set(statuses) == {"stale"}


async def test_sweep_finds_event_without_wake(written: Written, replica: Replica) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        cursor = replica.cursor()
        await cursor.open()
        await written.book(EPOCH, update(2), wake=False)
        assert short(await received(cursor, 1)) == [("update", 2)]


async def test_event_written_while_a_ring_starts_is_sent_without_a_sweep(
    redis_url: str, written: Written, waited_on: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = connect_redis(redis_url, timeout=600.0)
    replica = Replica(patient, sweep_interval=1e6, max_streams_waited_on=waited_on)
    await written.book(EPOCH, snapshot(1), update(2))
    (first, _) = await written.ids()
    cursor = replica.cursor()
    call = OneNode.call

    async def overtaken(nodes: OneNode, key: str, *command: Any) -> Any:
        reply = await call(nodes, key, *command)
        if (key, command[0]) == (events_key("BTC/USD"), "XREVRANGE"):
            woken = asyncio.Event()
            replica.ring().on_change(woken.set)
            await written.book(EPOCH, update(3))
            await woken.wait()
        return reply

    async with replica.following():
        # Who has come by one wake waits for the next.
        first_wake = asyncio.Event()
        replica.ring().on_change(first_wake.set)

        async def waits() -> bool:
            await written.redis.xadd(WAKE, {"s": "BTC/USD"})
            return first_wake.is_set()

        await async_wait_until(waits, "a wait for the wake")
        monkeypatch.setattr(OneNode, "call", overtaken)
        await cursor.resume(first)
        assert short(await received(cursor, 2)) == [("update", 2), ("update", 3)]
    await patient.aclose()


# Trouble


async def test_malformed_stream_id_stops_no_other_cursor(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    async with replica.following():
        cursor, other = replica.cursor(), replica.cursor("ETH/USD")
        await cursor.open()
        await other.open()
        await redis.hset(book_key("BTC/USD"), "stream_id", "somebody's")
        # Only a sweep finds it, and it comes after what is wrong.
        await written.book(EPOCH, update(2), symbol="ETH/USD", wake=False)
        put = await replica.reads.time()
        await async_wait_until(lambda: (replica.ring("ETH/USD").complete or 0) > put, "a sweep")
        assert short(await received(other, 1)) == [("update", 2)]


async def test_keys_of_wrong_type_stop_no_other_cursor(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    async with replica.following():
        cursor, other = replica.cursor(), replica.cursor("ETH/USD")
        await cursor.open()
        await other.open()
        await redis.delete(events_key("BTC/USD"), book_key("BTC/USD"))
        await redis.set(events_key("BTC/USD"), "somebody's")
        await redis.set(book_key("BTC/USD"), "somebody's")
        await redis.xadd("kraken:wake", {"s": "BTC/USD,ETH/USD"})
        await written.book(EPOCH, update(2), symbol="ETH/USD")
        assert short(await received(other, 1)) == [("update", 2)]


async def test_snapshot_of_a_new_epoch_follows_after_redis_lost_everything(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), update(2))
    async with replica.following():
        cursor = replica.cursor()
        await cursor.open()
        await redis.flushall()
        await written.book(EPOCH + 1, snapshot(3), update(4))
        assert short(await received(cursor, 2)) == [("snapshot", 3), ("update", 4)]


async def test_open_and_resume_without_redis_raise_redis_away(replica: Replica) -> None:
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    for opening in (away.cursor().open(), away.cursor().resume("1-1")):
        with pytest.raises(RedisAway) as caught:
            await opening
        assert caught.value.members["reason"] == "refused"


async def test_ring_exists_while_it_has_a_cursor(replica: Replica) -> None:
    first, second = replica.cursor(), replica.cursor()
    assert first.log is second.log
    first.close()
    third = replica.cursor()
    assert third.log is second.log
    for cursor in (second, third):
        cursor.close()
    assert len(replica.registry) == 0
    assert replica.cursor().log is not second.log


# Many at once


async def test_cursors_opened_together_share_reads_of_redis(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    ids = await written.ids()
    before = (await redis.info("stats"))["total_commands_processed"]
    readers = [replica.cursor() for _ in range(200)]
    opened = await asyncio.gather(*(cursor.open() for cursor in readers))
    assert {tuple(shorts(data)) for data in opened} == {(("snapshot", 6),)}
    back = [replica.cursor() for _ in range(200)]
    await asyncio.gather(*(cursor.resume(ids[2]) for cursor in back))
    sent = await asyncio.gather(*(cursor.next() for cursor in back))
    assert {tuple(shorts(data)) for data in sent} == {(("update", 4), ("update", 5), ("update", 6))}
    assert (await redis.info("stats"))["total_commands_processed"] - before < 20


async def test_page_is_written_in_at_most_64_kib(redis: RedisNode, written: Written) -> None:
    replica = Replica(redis, page_entries=1000)
    last = 500
    await written.book(EPOCH, snapshot(1), *updates(2, last))
    # The ring begins at the book, so the events are in Redis alone.
    await replica.cursor().open()
    cursor = replica.cursor()
    assert await cursor.resume((await written.ids())[0]) == b""
    states = [cursor.state]
    writes: list[bytes] = []
    while sum(len(messages(write)) for write in writes) < last - 1:
        writes.append(await cursor.next())
    assert [seq for write in writes for _, seq in shorts(write)] == list(range(2, last + 1))
    assert len(writes) > 1
    assert max(map(len, writes)) <= WRITE_BYTES
    assert await cursor.next() == b""
    assert [*states, cursor.state] == [CursorState.PAGING, CursorState.FOLLOWING]
