"""The stream of one book resumes after an event, or sends `lagged`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from api.access.limits import LimitReached
from api.delivery.openers import CursorState
from api.follow.event_log import WRITE_BYTES
from kraken_book.contract.keys import WAKE, book_key
from lab.waiting import async_wait_until
from lab.written_books import snapshot, status, update, updates
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import EPOCH, Replica, Written, messages, received, short, shorts


@pytest.mark.parametrize("other_reader", [False, True])
async def test_resume_continues_after_the_event_without_snapshot(
    written: Written, any_replica: Replica, other_reader: bool
) -> None:
    """The event is in Redis, or in the ring of another reader."""
    await written.book(EPOCH, snapshot(1))
    async with any_replica.following():
        if other_reader:
            await any_replica.cursor().open()
        await written.book(EPOCH, *updates(2, 6))
        ids = await written.ids()
        cursor = any_replica.cursor()
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
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), update(2))
    async with any_replica.following():
        cursor = any_replica.cursor()
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
        # The ring begins at the book, so the events are only in Redis.
        await replica.cursor().open()
        cursor = replica.cursor()
        await cursor.resume((await written.ids())[0])
        assert cursor.state is CursorState.PAGING
        assert short(await received(cursor, 19)) == [("update", n) for n in range(2, 21)]


async def test_only_a_resume_from_redis_needs_admission(redis: RedisNode, written: Written) -> None:
    replica = Replica(redis, ring_events=2)
    await written.book(EPOCH, snapshot(1), *updates(2, 20))
    first, *_, last = await written.ids()

    async def refuse() -> None:
        raise LimitReached("resumes", "1 a minute", 1, 2.0)

    async with replica.following():
        await replica.cursor().open()
        assert await replica.cursor().resume(last, refuse) == b""
        with pytest.raises(LimitReached):
            await replica.cursor().resume(first, refuse)


async def test_resume_after_trim_sends_lagged_then_snapshot(
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 6))
    gone = (await written.ids())[0]
    await written.trim(3)
    async with any_replica.following():
        cursor = any_replica.cursor()
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
    written: Written, any_replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with any_replica.following():
        got = shorts(await any_replica.cursor().resume("99-1"))
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
    redis: RedisNode, written: Written, any_replica: Replica, how: str
) -> None:
    if how == "never a book":
        await written.status(EPOCH, *(status(seq) for seq in range(1, 5)))
    else:
        await written.book(EPOCH, snapshot(1), *updates(2, 4))
        await redis.delete(book_key("BTC/USD"))
    async with any_replica.following():
        cursor = any_replica.cursor()
        assert await cursor.resume((await written.ids())[2]) == b""
        await written.book(EPOCH, snapshot(5))
        got = short(await received(cursor, 2))
        assert [seq for _, seq in got] == [4, 5]


class OvertakenNode(OneNode):
    """A Redis whose reply to the first read of a stream's end is followed by `overtake`."""

    overtake: Callable[[], Awaitable[None]] | None = None

    async def call(self, key: str, *command: Any) -> Any:
        reply = await super().call(key, *command)
        if self.overtake is not None and command[0] == "XREVRANGE" and key != WAKE:
            overtake, self.overtake = self.overtake, None
            await overtake()
        return reply


async def test_event_written_while_a_ring_starts_is_sent_without_a_sweep(
    redis_url: str, written: Written, waited_on: int
) -> None:
    patient = connect_redis(redis_url, timeout=600.0)
    nodes = OvertakenNode(patient)
    replica = Replica(patient, nodes=nodes, sweep_interval=1e6, max_streams_waited_on=waited_on)
    await written.book(EPOCH, snapshot(1), update(2))
    (first, _) = await written.ids()
    cursor = replica.cursor()

    async def write_and_wake() -> None:
        woken = asyncio.Event()
        replica.ring().on_change(woken.set)
        await written.book(EPOCH, update(3))
        await woken.wait()

    async with replica.following():
        # After one wake the follower waits for the next.
        first_wake = asyncio.Event()
        replica.ring().on_change(first_wake.set)

        async def is_woken() -> bool:
            await written.redis.xadd(WAKE, {"s": "BTC/USD"})
            return first_wake.is_set()

        await async_wait_until(is_woken, "a wait for the wake")
        nodes.overtake = write_and_wake
        await cursor.resume(first)
        assert short(await received(cursor, 2)) == [("update", 2), ("update", 3)]
    await patient.aclose()


async def test_page_is_written_in_at_most_64_kib(redis: RedisNode, written: Written) -> None:
    replica = Replica(redis, page_entries=1000)
    last = 500
    await written.book(EPOCH, snapshot(1), *updates(2, last))
    # The ring begins at the book, so the events are only in Redis.
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
