"""A publisher beside writers of other epochs."""

from __future__ import annotations

from lab.redis_reads import carry_out
from lab.written_books import book_call, snapshot, status, status_call
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.publish.publishing import EPOCH, Publishing


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
    assert await first.leadership.wait_for_fence(0)
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
