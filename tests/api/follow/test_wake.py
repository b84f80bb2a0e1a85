"""A wait for Redis returns written symbols and entries, and corrupt data does not end it."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from unittest import mock

import pytest
from prometheus_client import REGISTRY

from api.follow.join_points import JoinPoint
from api.follow.ring import Ring
from api.follow.wake import MAX_STREAMS, Wake
from api.store.corrupt_keys import CorruptKeys
from api.store.stream_entry import MAX_ENTRIES, entries_in
from kraken_book.contract.keys import WAKE, events_key
from kraken_book.contract.script import WRITE
from lab.waiting import async_wait_until
from lab.written_books import book_call, snapshot, update, updates
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import EPOCH, Replica, Written, received, short

SECONDS = 5.0


@pytest.fixture
def corrupt() -> CorruptKeys:
    return CorruptKeys()


@pytest.fixture
def wake(redis: RedisNode, corrupt: CorruptKeys) -> Wake:
    return Wake(OneNode(redis), corrupt)


async def started(written: Written, replica: Replica, symbol: str = "BTC/USD") -> Ring:
    """Write a book at seq 1, and return its started ring."""
    await written.book(EPOCH, snapshot(1), symbol=symbol)
    book = await replica.store.book(symbol)
    assert book is not None
    assert book.position is not None
    ring = replica.registry.follow(symbol)
    await replica.joins.start(ring, JoinPoint(book, book.position))
    return ring


async def test_wait_ends_when_a_waited_on_stream_is_written(
    written: Written, replica: Replica, wake: Wake
) -> None:
    rings = [await started(written, replica, symbol) for symbol in ("BTC/USD", "ETH/USD")]
    await written.book(EPOCH, update(2), update(3), wake=False)
    symbols, streams = await wake.wait(SECONDS, rings)
    assert symbols == set()
    assert [len(streams[ring]) for ring in rings] == [2, 0]


async def test_deleted_wake_is_followed_after_a_quiet_wait(redis: RedisNode, wake: Wake) -> None:
    await redis.xadd(WAKE, {"s": "ETH/USD"}, id="99999999999999-0")
    await wake.wait(0.001, [])
    await redis.delete(WAKE)
    await wake.wait(0.001, [])
    await wake.wait(0.001, [])
    await redis.xadd(WAKE, {"s": "BTC/USD"})
    assert (await wake.wait(SECONDS, [])).symbols == {"BTC/USD"}


async def test_wake_names_the_symbols_that_were_written(
    written: Written, replica: Replica, wake: Wake
) -> None:
    await wake.wait(0.001, [])
    ring, waiting = await started(written, replica), replica.registry.follow("ETH/USD")
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    symbols, streams = await wake.wait(SECONDS, [ring, waiting])
    assert (symbols, streams) == ({"BTC/USD", "ETH/USD"}, {ring: []})
    assert await wake.wait(0.001, [ring, waiting]) == (set(), {ring: []})


async def test_wake_of_an_event_that_its_stream_returned_does_not_end_the_next_wait(
    redis: RedisNode, written: Written, replica: Replica, wake: Wake
) -> None:
    ring = await started(written, replica)
    await written.book(EPOCH, update(2))
    _, streams = await wake.wait(SECONDS, [ring])
    replica.feed.append(ring, entries_in("BTC/USD", streams[ring], CorruptKeys()))
    waiting = asyncio.create_task(wake.wait(SECONDS, [ring]))
    await async_wait_until(lambda: blocked(redis), "the next wait")
    await written.book(EPOCH, update(3))
    symbols, streams = await waiting
    assert symbols == set()
    assert [fields[b"seq"] for _, fields in streams[ring]] == [b"3"]


async def test_wait_on_every_stream_ends_when_another_is_written(
    redis: RedisNode, written: Written, replica: Replica, wake: Wake
) -> None:
    ring = await started(written, replica)
    waiting = asyncio.create_task(wake.wait(SECONDS, [ring]))
    await async_wait_until(lambda: blocked(redis), "the wait")
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    assert await waiting == ({"ETH/USD"}, {ring: []})


async def test_rings_that_skipped_wakes_may_have_named_are_named_at_once(
    written: Written, replica: Replica, wake: Wake
) -> None:
    ring = await started(written, replica)
    await wake.wait(0.001, [ring])
    late = replica.registry.follow("ETH/USD")
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    symbols, streams = await wake.wait(SECONDS, [ring, late])
    assert (symbols, streams) == ({"BTC/USD", "ETH/USD"}, {ring: []})
    assert await wake.wait(0.001, [ring, late]) == (set(), {ring: []})


@pytest.mark.parametrize("protocol", [2, 3])
async def test_wait_returns_the_same_with_each_protocol_of_redis(
    redis_url: str, written: Written, replica: Replica, protocol: int
) -> None:
    client = connect_redis(f"{redis_url}?protocol={protocol}")
    wake = Wake(OneNode(client), CorruptKeys())
    ring = await started(written, replica)
    assert await wake.wait(0.001, [ring]) == (set(), {ring: []})
    await written.book(EPOCH, update(2))
    symbols, streams = await wake.wait(SECONDS, [ring])
    assert symbols == set()
    assert [fields[b"seq"] for _, fields in streams[ring]] == [b"2"]
    await client.aclose()


async def test_ring_without_start_is_woken_by_the_wake(
    written: Written, replica: Replica, wake: Wake
) -> None:
    await wake.wait(0.001, [])
    await written.book(EPOCH, snapshot(1))
    ring = replica.registry.follow("BTC/USD")
    assert await wake.wait(SECONDS, [ring]) == ({"BTC/USD"}, {})


@pytest.mark.parametrize("why", ["more than a few", "a cluster"])
async def test_only_the_wake_is_waited_on_if_there_are(
    redis: RedisNode, written: Written, replica: Replica, why: str
) -> None:
    count = MAX_STREAMS + (why == "more than a few")
    rings = [await started(written, replica, f"S{number}/USD") for number in range(count)]
    nodes = mock.Mock(wraps=OneNode(redis), has_slots=why == "a cluster")
    wake = Wake(nodes, CorruptKeys())
    await wake.wait(0.001, rings)
    await written.book(EPOCH, update(2), symbol="S1/USD")
    assert await wake.wait(SECONDS, rings) == ({"S1/USD"}, {})


async def test_stream_key_of_wrong_type_leaves_the_others_to_the_wake(
    redis: RedisNode, written: Written, replica: Replica, wake: Wake
) -> None:
    rings = [await started(written, replica, symbol) for symbol in ("BTC/USD", "ETH/USD")]
    await wake.wait(0.001, rings)
    await redis.set(events_key("BTC/USD"), "somebody's")
    # The wakes of both may have been skipped.
    assert await wake.wait(SECONDS, rings) == ({"BTC/USD", "ETH/USD"}, {})
    for seq in (2, 3):
        await written.book(EPOCH, update(seq), symbol="ETH/USD")
        assert await wake.wait(SECONDS, rings) == ({"ETH/USD"}, {})


async def test_streams_are_waited_on_again_after_a_while(
    redis: RedisNode, written: Written, replica: Replica, corrupt: CorruptKeys
) -> None:
    wake = Wake(OneNode(redis), corrupt, wake_only_seconds=0.0)
    ring = await started(written, replica)
    await redis.rename(events_key("BTC/USD"), "aside")
    await redis.set(events_key("BTC/USD"), "somebody's")
    assert await wake.wait(0.001, [ring]) == (set(), {})
    await redis.rename("aside", events_key("BTC/USD"))
    await written.book(EPOCH, update(2), wake=False)
    _, streams = await wake.wait(SECONDS, [ring])
    assert len(streams[ring]) == 1


async def test_wake_key_of_wrong_type_still_waits_on_few_streams(
    redis: RedisNode, written: Written, replica: Replica, wake: Wake, corrupt: CorruptKeys
) -> None:
    ring = await started(written, replica)
    await wake.wait(0.001, [])
    await redis.rename(WAKE, "aside")
    await redis.set(WAKE, "somebody's")
    await written.book(EPOCH, update(2), wake=False)
    symbols, streams = await wake.wait(SECONDS, [ring])
    assert (symbols, len(streams[ring])) == (set(), 1)
    corruption = corrupt.get(WAKE)
    assert corruption is not None
    assert corruption.repair == f"redis-cli DEL {WAKE}"
    await redis.rename("aside", WAKE)
    await redis.xadd(WAKE, {"s": "BTC/USD"})
    assert (await wake.wait(SECONDS, [])).symbols == {"BTC/USD"}
    assert corrupt.get(WAKE) is None


async def test_wake_key_replaced_during_a_wait_is_corrupt_and_not_an_outage(
    redis: RedisNode, wake: Wake, corrupt: CorruptKeys
) -> None:
    await redis.xadd(WAKE, {"s": "BTC/USD"})
    await wake.wait(0.001, [])
    waiting = asyncio.create_task(wake.wait(0.5, []))
    await async_wait_until(lambda: blocked(redis), "the wait")
    await redis.set(WAKE, "somebody's")
    assert await waiting == (set(), {})
    assert corrupt.get(WAKE) is not None


async def test_wake_key_of_wrong_type_leaves_many_streams_to_the_sweep(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    async with replica.following():
        count = MAX_STREAMS + 1
        rings = [await started(written, replica, f"S{number}/USD") for number in range(count)]
        await redis.set(WAKE, "somebody's")
        for number in range(count):
            await written.book(EPOCH, update(2), symbol=f"S{number}/USD", wake=False)
        for ring in rings:
            await wait_for_seq(ring, 2)
    assert REGISTRY.get_sample_value("kraken_book_redis_up") == 1


async def test_wake_restarted_before_the_last_id_is_followed(redis: RedisNode, wake: Wake) -> None:
    await redis.xadd(WAKE, {"s": "ETH/USD"}, id="18446744073709551615-1")
    await wake.wait(0.001, [])
    await redis.delete(WAKE)
    await redis.xadd(WAKE, {"s": "ETH/USD"})
    assert await wake.wait(0.001, []) == (set(), {})
    await redis.xadd(WAKE, {"s": "BTC/USD"})
    assert (await wake.wait(SECONDS, [])).symbols == {"BTC/USD"}


async def test_corrupt_entry_does_not_keep_the_replica_busy(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1))
    async with replica.reading() as cursor:
        await written.book(EPOCH, update(2))
        assert short(await received(cursor, 1)) == [("update", 2)]
        before = await waits(redis)
        await redis.xadd(events_key("BTC/USD"), {"somebody": "else's"})
        put = await replica.reads.time()

        async def swept() -> bool:
            return (replica.ring().complete or 0) > put + 100

        await async_wait_until(swept, "a sweep")
        # If each wait ended at once, there would be thousands.
        assert await waits(redis) - before < 100
        await written.book(EPOCH, update(3))
        assert short(await received(cursor, 1)) == [("update", 3)]


async def test_ring_skips_thousands_of_corrupt_entries(redis: RedisNode, written: Written) -> None:
    replica = Replica(redis, sweep_interval=0.1)
    key = events_key("BTC/USD")
    async with replica.following():
        ring = await started(written, replica)
        for last in (2, 3):
            milliseconds = int(ring.last.id.partition("-")[0]) + 1
            async with redis.pipeline() as together:
                for number in range(2 * MAX_ENTRIES + 1):
                    together.xadd(key, {"somebody": "else's"}, id=f"{milliseconds}-{number}")
                await together.execute()
            await written.book(EPOCH, update(last))
            await wait_for_seq(ring, last)
    corruption = replica.store.corrupt.get(key)
    assert corruption is not None
    assert corruption.repair.startswith(f"redis-cli XDEL '{key}' ")


async def test_ring_continues_after_entries_of_the_far_future_are_deleted(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis, sweep_interval=0.1)
    key = events_key("BTC/USD")
    async with replica.following():
        ring = await started(written, replica)
        before = await redis.dump(key)
        assert before is not None
        async with redis.pipeline() as together:
            for number in range(MAX_ENTRIES):
                together.xadd(key, {"somebody": "else's"}, id=f"9999999999999-{number + 1}")
            together.xadd(WAKE, {"s": "BTC/USD"})
            await together.execute()
        await async_wait_until(lambda: replica.store.corrupt.get(key), "a record of the entries")
        await redis.restore(key, 0, before, replace=True)
        await written.book(EPOCH, update(2))
        await wait_for_seq(ring, 2)


async def test_write_of_one_book_wakes_no_readers_of_another(
    written: Written, replica: Replica
) -> None:
    async with replica.following():
        quiet = await started(written, replica, "ETH/USD")
        busy = await started(written, replica)
        woken: list[int] = []
        quiet.on_change(lambda: woken.append(1))
        for seq in range(2, 12):
            await written.book(EPOCH, update(seq))
            await wait_for_seq(busy, seq)
        assert not woken
        await written.book(EPOCH, update(2), symbol="ETH/USD")
        await async_wait_until(lambda: woken, "a wake for the quiet book")


async def test_rest_of_a_long_reply_is_read_after_more_rings_are_followed(
    redis_url: str, written: Written
) -> None:
    # A sweep, or a wait that ends, would read the rest too.
    patient = connect_redis(redis_url, timeout=600.0)
    replica = Replica(patient, sweep_interval=1e6)
    async with replica.following():
        ring = await started(written, replica)
        await written.book(EPOCH, update(2))
        await wait_for_seq(ring, 2)

        def follow_more() -> None:
            for number in range(MAX_STREAMS):
                replica.registry.follow(f"S{number}/USD")

        ring.on_change(follow_more)
        last = 2 + 2 * MAX_ENTRIES
        # In one transaction, so that no later wake names the symbol again.
        async with written.redis.pipeline() as together:
            together.xadd(WAKE, {"s": "BTC/USD"})
            call = book_call(EPOCH, updates(3, last))
            together.eval(WRITE.text, *cast("Any", call.arguments))
            await together.execute()
        await wait_for_seq(ring, last)
    await patient.aclose()


async def wait_for_seq(ring: Ring, seq: int) -> None:
    await async_wait_until(lambda: ring.last.position.seq == seq, f"event {seq}")


async def blocked(redis: RedisNode) -> bool:
    return bool((await redis.info("clients"))["blocked_clients"])


async def waits(redis: RedisNode) -> int:
    calls: int = (await redis.info("commandstats"))["cmdstat_xread"]["calls"]
    return calls
