"""A reader of one stream: it joins where it should, misses nothing, and is told if it does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import api.follow.frame_log
import api.follow.tail
import api.follow.wake
from api.http.problems import Problem
from kraken_book.contract.keys import WAKE, book_key, events_key
from kraken_book.event import decode_event
from lab.polling import eventually
from lab.redis_reads import entries_at
from lab.written_books import snapshot, status, update, updates
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import Message, Replica, Written, messages, received, short, shorts

EPOCH = 1785638131660


@pytest.fixture(autouse=True, params=["its stream", "the wake"])
def waits_on(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the replica waits for what is new; it is all the same to a reader."""
    if request.param == "the wake":
        monkeypatch.setattr(api.follow.wake, "FEW_STREAMS", 0)


async def test_a_fresh_reader_opens_with_the_book_of_the_hash(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 5))
    async with replica.following():
        (message,) = messages(await replica.reader().open())
        assert message.short == ("snapshot", 5)
        assert message.id == (await written.ids())[-1]
        assert message["bids"] == [["100.0", "0.00000005"], ["99.0", "1.00000000"]]
        assert (message["received_at"], message["conflated"]) == (None, None)


async def test_and_goes_on_with_every_event_after_it(written: Written, replica: Replica) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 5))
    async with replica.following():
        reader = replica.reader()
        await reader.open()
        for first in (6, 9, 12):
            await written.book(EPOCH, *updates(first, first + 2))
        got = await received(reader, 9)
        assert short(got) == [("update", seq) for seq in range(6, 15)]
        assert [message.id for message in got] == (await written.ids())[5:]
        assert await reader.next() == b""


async def test_readers_get_to_the_letter_what_the_collector_rendered(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        reader = replica.reader()
        await reader.open()
        await written.book(EPOCH, update(2))
        data = await eventually(reader.next)
    (_, (event_id, fields)) = await entries_at(redis, events_key("BTC/USD"))
    assert data == b"id: " + event_id + b"\ndata: " + fields[b"data"] + b"\n\n"
    decode_event(fields[b"data"])


async def test_a_second_reader_joins_where_the_hash_is_now(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        first = replica.reader()
        await first.open()
        await written.book(EPOCH, *updates(2, 4))
        second = replica.reader()
        assert shorts(await second.open()) == [("snapshot", 4)]
        await written.book(EPOCH, update(5))
        assert short(await received(second, 1)) == [("update", 5)]
        assert short(await received(first, 4)) == [("update", seq) for seq in (2, 3, 4, 5)]


async def test_where_the_hash_lags_the_stream_the_reader_gets_what_lies_between(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    await written.status(EPOCH, update(2), status(3))
    async with replica.following():
        reader = replica.reader()
        assert shorts(await reader.open()) == [("snapshot", 1)]
        assert short(await received(reader, 2)) == [("update", 2), ("status", 3)]


async def test_without_a_book_it_says_syncing_and_waits_for_one(
    written: Written, replica: Replica
) -> None:
    async with replica.following():
        reader = replica.reader()
        (message,) = messages(await reader.open())
        assert (message["kind"], message["status"], message.id) == ("status", "syncing", None)
        await written.book(EPOCH, snapshot(1), update(2))
        assert short(await received(reader, 1)) == [("snapshot", 2)]
        await written.book(EPOCH, update(3))
        assert short(await received(reader, 1)) == [("update", 3)]


async def test_a_book_that_comes_back_by_an_update_is_opened_with_a_snapshot(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    await redis.delete(book_key("BTC/USD"))
    async with replica.following():
        reader = replica.reader()
        assert messages(await reader.open())[0]["status"] == "syncing"
        await written.book(EPOCH, update(7))
        assert short(await received(reader, 1)) == [("snapshot", 7)]
        await written.book(EPOCH, update(8))
        assert short(await received(reader, 1)) == [("update", 8)]


# Resuming


@pytest.mark.parametrize("other_reader", [False, True])
async def test_resuming_goes_on_right_after_the_entry_without_a_snapshot(
    written: Written, replica: Replica, other_reader: bool
) -> None:
    """From the stream, and where another reader keeps the ring going, from that."""
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        if other_reader:
            await replica.reader().open()
        await written.book(EPOCH, *updates(2, 6))
        ids = await written.ids()
        reader = replica.reader()
        assert await reader.resume(ids[2]) == b""
        got = await received(reader, 3)
        await written.book(EPOCH, update(7))
        got += await received(reader, 1)
        assert short(got) == [("update", seq) for seq in (4, 5, 6, 7)]


async def test_resuming_on_another_replica_is_the_same(redis: RedisNode, written: Written) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    ids = await written.ids()
    for replica in (Replica(redis), Replica(redis)):
        async with replica.following():
            reader = replica.reader()
            assert await reader.resume(ids[0]) == b""
            assert short(await received(reader, 5)) == [("update", n) for n in range(2, 7)]


async def test_resuming_at_the_newest_entry_waits_for_the_next(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), update(2))
    async with replica.following():
        reader = replica.reader()
        assert await reader.resume((await written.ids())[-1]) == b""
        assert await reader.next() == b""
        await written.book(EPOCH, update(3))
        assert short(await received(reader, 1)) == [("update", 3)]


async def test_resuming_over_more_than_one_page_misses_nothing(
    written: Written, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    import api.follow.tail

    monkeypatch.setattr(api.follow.tail, "PAGE_ENTRIES", 3)
    monkeypatch.setattr(api.follow.tail, "MOST_ENTRIES", 3)
    await written.book(EPOCH, snapshot(1), *updates(2, 20))
    async with replica.following():
        reader = replica.reader()
        await reader.resume((await written.ids())[0])
        assert short(await received(reader, 19)) == [("update", n) for n in range(2, 21)]


async def test_an_entry_that_is_gone_is_lagged_and_a_snapshot(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    gone = (await written.ids())[0]
    await written.trim(3)
    async with replica.following():
        reader = replica.reader()
        lagged, opened = messages(await reader.resume(gone))
        assert lagged == {
            "symbol": "BTC/USD",
            "kind": "lagged",
            "missed": None,
            "reason": "unknown",
        }
        assert lagged.id is None
        assert opened.short == ("snapshot", 6)
        await written.book(EPOCH, update(7))
        assert short(await received(reader, 1)) == [("update", 7)]


async def test_an_id_that_never_was_is_lagged_too(written: Written, replica: Replica) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        got = shorts(await replica.reader().resume("99-1"))
        assert [kind for kind, _ in got] == ["lagged", "snapshot"]


async def test_a_resume_that_is_overtaken_by_trimming_is_told_how_much_it_missed(
    written: Written, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    import api.follow.tail

    monkeypatch.setattr(api.follow.tail, "PAGE_ENTRIES", 2)
    monkeypatch.setattr(api.follow.tail, "MOST_ENTRIES", 2)
    await written.book(EPOCH, snapshot(1), *updates(2, 9))
    reader = replica.reader()
    assert await reader.resume((await written.ids())[0]) == b""
    assert shorts(await reader.next()) == [("update", 2), ("update", 3)]
    await written.trim(2)
    lagged, opened = messages(await reader.next())
    assert (lagged["missed"], lagged["reason"]) == (6, "trimmed")
    assert opened.short == ("snapshot", 9)


@pytest.mark.parametrize("how", ["never a book", "the hash is gone"])
async def test_resuming_where_there_is_no_book_repeats_nothing(
    redis: RedisNode, written: Written, replica: Replica, how: str
) -> None:
    if how == "never a book":
        await written.status(EPOCH, *(status(seq) for seq in range(1, 5)))
    else:
        await written.book(EPOCH, snapshot(1), *updates(2, 4))
        await redis.delete(book_key("BTC/USD"))
    async with replica.following():
        reader = replica.reader()
        assert await reader.resume((await written.ids())[2]) == b""
        await written.book(EPOCH, snapshot(5))
        got = short(await received(reader, 2))
        assert [seq for _, seq in got] == [4, 5]


# Falling behind


async def test_a_slow_reader_is_told_and_gets_the_book(
    written: Written, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.follow.frame_log, "MOST_EVENTS", 4)
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        slow, quick = replica.reader(), replica.reader()
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


async def test_events_trimmed_before_they_were_read_are_lagged_and_a_snapshot(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis)
    await written.book(EPOCH, snapshot(1))
    reader = replica.reader()
    await reader.open()
    await written.book(EPOCH, *updates(2, 9))
    await written.trim(2)
    await replica.tail.catch_up(reader.ring)
    lagged, opened = messages(await reader.next())
    assert (lagged["kind"], lagged["missed"], lagged["reason"]) == ("lagged", 8, "trimmed")
    assert opened.short == ("snapshot", 9)
    await written.book(EPOCH, update(10))
    await replica.tail.catch_up(reader.ring)
    assert shorts(await reader.next()) == [("update", 10)]


async def test_a_stream_with_a_gap_says_syncing_until_there_is_a_book_to_open_with(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis)
    await written.book(EPOCH, snapshot(1))
    reader = replica.reader()
    await reader.open()
    await written.status(EPOCH, *updates(2, 6), status(7))
    await written.trim(3)
    await replica.tail.catch_up(reader.ring)
    got = messages(await reader.next())
    assert [(message["kind"], message["status"]) for message in got] == [("status", "syncing")]
    await written.book(EPOCH, snapshot(8), update(9))
    await replica.tail.catch_up(reader.ring)
    lagged, opened = messages(await reader.next())
    assert (lagged["kind"], lagged["missed"], lagged["reason"]) == ("lagged", 8, "trimmed")
    assert opened.short == ("snapshot", 9)


async def test_readers_go_on_where_redis_went_back_behind_them(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis)
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    async with replica.following():
        reader = replica.reader()
        await reader.open()
        # What a failover that lost the last writes leaves: an older place, as if nothing were.
        await redis.hset(book_key("BTC/USD"), mapping={"seq": "1", "stream_id": "1-1"})
        await redis.hset(book_key("BTC/USD"), mapping={"stream_seq": "1", "event_id": "1-1"})
        await redis.delete(events_key("BTC/USD"))
        lagged, opened = await received(reader, 2)
        assert (lagged["kind"], lagged["reason"]) == ("lagged", "redis")
        assert opened.short == ("snapshot", 1)


async def test_a_new_leaders_snapshot_follows_on_whatever_the_jump(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        reader = replica.reader()
        await reader.open()
        await written.book(EPOCH + 1, snapshot(500), update(501))
        await written.book(EPOCH + 1, snapshot(900))
        got = await received(reader, 3)
        assert short(got) == [("snapshot", 500), ("update", 501), ("snapshot", 900)]


# Ages


async def test_a_book_that_grows_old_is_stale_and_live_again_when_confirmed(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis)
    await written.book(EPOCH, snapshot(1), age=60.0)
    async with replica.following():
        reader = replica.reader()
        opened = messages(await reader.open())
        got = [m for m in opened if m["kind"] == "status"] or await received(reader, 1)
        stale = got[0]
        assert (stale["status"], stale["reason"]) == ("stale", "age")
        assert (stale["seq"], stale["epoch"], stale.id) == (None, None, None)
        again = asyncio.create_task(received(reader, 1))
        while not again.done():
            # So that a slow machine does not let it grow old in between.
            await written.touch(EPOCH, 1)
            await asyncio.wait({again}, timeout=0.1)
        (live,) = await again
        assert (live["status"], live["seq"], live["epoch"], live.id) == ("live", None, None, None)


@pytest.mark.parametrize("how", ["open", "ring", "stream"])
async def test_who_comes_while_a_book_is_stale_is_told_so(
    redis: RedisNode, written: Written, how: str
) -> None:
    replica = Replica(redis)
    await written.book(EPOCH, snapshot(1), update(2), age=60.0)
    ids = await written.ids()
    async with replica.following():
        first = replica.reader()
        await first.open()
        await eventually(lambda: first.ring.stale)
        late = replica.reader()
        if how == "open":
            data = await late.open()
        else:
            data = await late.resume(ids[1] if how == "ring" else ids[0])
        statuses = [m["status"] for m in messages(data) if m["kind"] == "status"]

        async def told() -> bool:
            more = messages(await late.next())
            statuses.extend(m["status"] for m in more if m["kind"] == "status")
            return bool(statuses)

        await eventually(told, "that the book is stale")
        assert set(statuses) == {"stale"}


async def test_a_lost_wake_is_covered_by_the_sweep(written: Written, replica: Replica) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.following():
        reader = replica.reader()
        await reader.open()
        await written.book(EPOCH, update(2), wake=False)
        assert short(await received(reader, 1)) == [("update", 2)]


async def test_what_is_written_while_a_ring_starts_with_its_past_waits_for_no_sweep(
    redis_url: str, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.follow.tail, "SWEEP_SECONDS", 1e6)
    patient = connect_redis(redis_url, timeout=600.0)
    replica = Replica(patient)
    await written.book(EPOCH, snapshot(1), update(2))
    (first, _) = await written.ids()
    reader = replica.reader()
    call = OneNode.call

    async def overtaken(nodes: OneNode, key: str, *command: Any) -> Any:
        reply = await call(nodes, key, *command)
        if (key, command[0]) == (events_key("BTC/USD"), "XREVRANGE"):
            woken = asyncio.Event()
            reader.ring.on_change(woken.set)
            await written.book(EPOCH, update(3))
            await woken.wait()
        return reply

    async with replica.following():
        # Who has come by one wake waits for the next.
        first_wake = asyncio.Event()
        reader.ring.on_change(first_wake.set)

        async def waits() -> bool:
            await written.redis.xadd(WAKE, {"s": "BTC/USD"})
            return first_wake.is_set()

        await eventually(waits, "a wait for the wake")
        monkeypatch.setattr(OneNode, "call", overtaken)
        await reader.resume(first)
        assert short(await received(reader, 2)) == [("update", 2), ("update", 3)]
    await patient.aclose()


# Trouble


async def test_a_hash_with_garbage_where_the_stream_stands_stops_nobody_elses_readers(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    async with replica.following():
        reader, other = replica.reader(), replica.reader("ETH/USD")
        await reader.open()
        await other.open()
        await redis.hset(book_key("BTC/USD"), "stream_id", "somebody's")
        # Only a sweep finds it, and it comes after what is wrong.
        await written.book(EPOCH, update(2), symbol="ETH/USD", wake=False)
        put = await replica.tail.time()
        await eventually(lambda: (other.ring.complete or 0) > put, "a sweep")
        assert short(await received(other, 1)) == [("update", 2)]


async def test_a_key_that_holds_something_else_stops_only_its_own_readers(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    async with replica.following():
        reader, other = replica.reader(), replica.reader("ETH/USD")
        await reader.open()
        await other.open()
        await redis.delete(events_key("BTC/USD"), book_key("BTC/USD"))
        await redis.set(events_key("BTC/USD"), "somebody's")
        await redis.set(book_key("BTC/USD"), "somebody's")
        await redis.xadd("kraken:wake", {"s": "BTC/USD,ETH/USD"})
        await written.book(EPOCH, update(2), symbol="ETH/USD")
        assert short(await received(other, 1)) == [("update", 2)]


async def test_after_redis_lost_all_readers_go_on_with_the_new_epochs_snapshot(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), update(2))
    async with replica.following():
        reader = replica.reader()
        await reader.open()
        await redis.flushall()
        await written.book(EPOCH + 1, snapshot(3), update(4))
        assert short(await received(reader, 2)) == [("snapshot", 3), ("update", 4)]


async def test_where_redis_is_away_a_fresh_reader_is_a_503(replica: Replica) -> None:
    from runtime.redis.client import connect_redis

    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    for opening in (away.reader().open(), away.reader().resume("1-1")):
        with pytest.raises(Problem) as caught:
            await opening
        assert caught.value.status == 503


async def test_a_symbol_is_followed_while_somebody_reads_it(replica: Replica) -> None:
    first, second = replica.reader(), replica.reader()
    assert first.ring is second.ring
    first.close()
    assert replica.reader().ring is second.ring
    for reader in (second, second):
        reader.close()
    assert replica.reader().ring is not second.ring


# Many at once


async def test_who_joins_and_resumes_together_shares_the_reads_of_redis(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    ids = await written.ids()
    before = (await redis.info("stats"))["total_commands_processed"]
    readers = [replica.reader() for _ in range(200)]
    opened = await asyncio.gather(*(reader.open() for reader in readers))
    assert {tuple(shorts(data)) for data in opened} == {(("snapshot", 6),)}
    back = [replica.reader() for _ in range(200)]
    await asyncio.gather(*(reader.resume(ids[2]) for reader in back))
    sent = await asyncio.gather(*(reader.next() for reader in back))
    assert {tuple(shorts(data)) for data in sent} == {(("update", 4), ("update", 5), ("update", 6))}
    assert (await redis.info("stats"))["total_commands_processed"] - before < 20


async def test_one_write_to_who_resumes_from_redis_has_at_most_64_kib(
    written: Written, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    import api.delivery.reader
    import api.follow.tail

    monkeypatch.setattr(api.follow.tail, "MOST_ENTRIES", 2)
    monkeypatch.setattr(api.delivery.reader, "WRITE_BYTES", 2000)
    await written.book(EPOCH, snapshot(1), *updates(2, 40))
    reader = replica.reader()
    assert await reader.resume((await written.ids())[0]) == b""
    writes: list[bytes] = []
    while sum(len(messages(write)) for write in writes) < 39:
        writes.append(await reader.next())
    assert [seq for write in writes for _, seq in shorts(write)] == list(range(2, 41))
    assert max(map(len, writes[:-1])) <= 2000
