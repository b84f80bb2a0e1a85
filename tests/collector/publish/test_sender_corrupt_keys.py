"""Foreign data in our keys: it affects its own symbol at most, and is logged."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from kraken_book.contract.keys import SYMBOLS, WAKE, book_key, events_key
from runtime.redis.exchange import RedisNode
from tests.collector.publish.publishing import EPOCH, QUICK_RETRIES, LossyRedis, Publishing

PAIR = ("BTC/USD", "ETH/USD")
FOREIGN_FIELDS = [
    {"stream_epoch": "1e308"},
    {"stream_seq": "x"},
    {"stream_id": "18446744073709551615-18446744073709551615"},
]


@pytest.fixture
async def pair(lossy_redis: LossyRedis) -> Publishing:
    """Return a publisher of two live books, which writes both with each flush."""
    publishing = Publishing(lossy_redis, *PAIR, tuning=replace(QUICK_RETRIES, round_interval=0.0))
    await publishing.lead()
    return publishing


async def update_all(publishing: Publishing) -> None:
    for box in publishing.boxes.values():
        box.update()
    await publishing.flush()


def lines_of(lines: Any, event: str) -> list[Any]:
    return [line for line in lines if line["event"] == event]


@pytest.mark.parametrize("fields", FOREIGN_FIELDS, ids=str)
async def test_invalid_stream_position_is_repaired_without_a_fence(
    redis: RedisNode, pair: Publishing, fields: dict[Any, Any]
) -> None:
    await redis.hset(book_key("BTC/USD"), mapping=fields)
    with capture_logs() as lines:
        for _ in range(3):
            await update_all(pair)
    assert pair.leadership.is_leading
    assert await pair.seqs("BTC/USD") == await pair.seqs("ETH/USD") == [1, 2, 3, 4, 5]
    assert (await pair.hash())["stream_epoch"] == str(EPOCH)
    (line,) = lines_of(lines, "redis key corrupt, repaired")
    assert line["key"] == book_key("BTC/USD")


async def test_entry_with_largest_id_clears_only_its_own_stream(
    redis: RedisNode, pair: Publishing
) -> None:
    await redis.xadd(events_key("BTC/USD"), {"a": "b"}, id="18446744073709551615-1")
    with capture_logs() as lines:
        await update_all(pair)
    assert await pair.seqs("BTC/USD") == [3]
    assert await pair.seqs("ETH/USD") == [1, 2, 3]
    (line,) = lines_of(lines, "redis key corrupt, repaired")
    assert line["key"] == events_key("BTC/USD")


async def test_forged_stream_seq_is_followed_by_a_snapshot_of_unknown_conflated(
    redis: RedisNode, pair: Publishing
) -> None:
    last_id = (await pair.hash())["stream_id"]
    forged = f"{last_id.partition('-')[0]}-1000"
    await redis.hset(book_key("BTC/USD"), mapping={"stream_seq": 1000, "stream_id": forged})
    await update_all(pair)
    await pair.flush()
    snapshot, status = (await pair.events())[-2:]
    assert (snapshot["kind"], snapshot["seq"], snapshot["conflated"]) == ("snapshot", 1001, None)
    assert (status["kind"], status["seq"]) == ("status", 1002)
    assert pair.leadership.is_leading


@pytest.mark.parametrize("key_of", [book_key, events_key])
async def test_key_of_another_type_is_logged_once_and_retried_with_backoff(
    redis: RedisNode, lossy_redis: LossyRedis, pair: Publishing, key_of: Any
) -> None:
    key = key_of("BTC/USD")
    await redis.delete(key)
    await redis.set(key, "somebody's")
    lossy_redis.sent.clear()
    with capture_logs() as lines:
        for _ in range(50):
            await update_all(pair)
    calls = [command for commands in lossy_redis.sent for command in commands]
    tried = [command for command in calls if book_key("BTC/USD") in command]
    # Each retry has a delay, and fifty flushes may take some seconds.
    assert 1 <= len(tried) < 10
    assert (await pair.seqs("ETH/USD"))[-1] == 52
    (line,) = lines_of(lines, "redis key corrupt, left unchanged")
    assert line["repair"] == f"redis-cli DEL '{key}'"

    await redis.delete(key)
    await asyncio.wait_for(pair.publisher.drain(), 20)
    seqs = await pair.seqs("BTC/USD")
    assert seqs[-1] >= 52
    assert pair.box.queue.waiting == 0


@pytest.mark.parametrize("key", [SYMBOLS, WAKE])
async def test_shared_key_of_another_type_is_logged_once_and_stops_no_book(
    redis: RedisNode, lossy_redis: LossyRedis, pair: Publishing, key: str
) -> None:
    await redis.delete(key)
    await redis.set(key, "somebody's")
    with capture_logs() as lines:
        for number in range(30):
            # Change the state each time.
            pair.box.book.resyncs = number
            await update_all(pair)
    assert await pair.seqs("BTC/USD") == await pair.seqs("ETH/USD") == list(range(1, 33))
    (line,) = lines_of(lines, "redis key corrupt, left unchanged")
    assert line["repair"] == f"redis-cli DEL {key}"
    assert await redis.get(key) == b"somebody's"


async def test_wake_stream_with_largest_id_is_logged_as_corrupt(
    redis: RedisNode, pair: Publishing
) -> None:
    await redis.xadd(WAKE, {"a": "b"}, id="18446744073709551615-18446744073709551615")
    with capture_logs() as lines:
        await update_all(pair)
    (line,) = lines_of(lines, "redis key corrupt, left unchanged")
    assert (line["key"], line["wrong"]) == (WAKE, "has the largest possible id")


async def test_collector_that_stops_leading_reports_corrupt_books_no_more(
    redis: RedisNode, pair: Publishing
) -> None:
    await update_all(pair)
    await redis.delete(book_key("BTC/USD"))
    await redis.set(book_key("BTC/USD"), "foreign")
    await update_all(pair)
    gauge = "kraken_book_lasting_corrupt_keys", {"key": "book"}
    lasting = REGISTRY.get_sample_value(*gauge) or 0.0
    assert lasting >= 1
    pair.publisher.follow()
    assert REGISTRY.get_sample_value(*gauge) == lasting - 1
