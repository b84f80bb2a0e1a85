"""The report of a collector in Redis, and the removal of unused keys."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator

import pytest

from collector.feed.feed import Feed
from collector.feed.link import FeedLoad
from collector.lead.lease import Lease
from collector.publish.leadership import Leadership
from collector.publish.publisher import Publisher
from collector.report.reporter import Reporter
from collector.settings import Shard
from kraken_book.contract.keys import FEED, SYMBOLS, book_key, events_key, lease_key
from kraken_book.selection import parse_selection
from lab.redis_reads import texts_at
from lab.waiting import async_wait_for, async_wait_until, cancel
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.feed.listed_venue import ListedVenue
from tests.collector.publish.boxes import RETENTION

CONFIGURED = ("BTC/USD", "ETH/USD")


class Reporting:
    """A running reporter of two books."""

    def __init__(self, redis: RedisNode, shard: Shard, clear_interval: float = 5.0) -> None:
        feed = Feed(
            ListedVenue(symbols_per_connection=1),
            parse_selection(",".join(CONFIGURED)),
            shard,
            4000,
            FeedLoad(),
            lambda _book: None,
            lambda _symbol: None,
        )
        self.books = feed.books
        self.leadership = Leadership()
        load, nodes = FeedLoad(), OneNode(redis)
        publisher = Publisher(nodes, RETENTION, str(shard), self.leadership, load)
        self.reporter = Reporter(
            nodes,
            shard,
            feed,
            self.leadership,
            Lease(nodes, shard, 5.0, publisher),
            report_interval=0.02,
            clear_interval=clear_interval,
        )
        self.task = asyncio.create_task(self.reporter.run())


@pytest.fixture
async def reporting(redis: RedisNode) -> AsyncIterator[Reporting]:
    made = Reporting(redis, Shard(0, 1))
    yield made
    await cancel(made.task)


async def put(redis: RedisNode, *symbols: str) -> None:
    for symbol in symbols:
        await redis.hset(SYMBOLS, symbol, "{}")
        await redis.hset(book_key(symbol), "symbol", symbol)
        await redis.xadd(events_key(symbol), {"kind": "update"})


async def symbols(redis: RedisNode) -> set[str]:
    return set(await texts_at(redis, SYMBOLS))


async def test_leader_writes_its_report(redis: RedisNode, reporting: Reporting) -> None:
    reporting.leadership.begin(77)
    reporting.books["ETH/USD"].refuse("not supported")
    report = json.loads(await async_wait_for(lambda: redis.hget(FEED, "0/1")))
    assert report["leader"]["pid"] == os.getpid()
    assert report["epoch"] == 77
    assert report["symbols"] == {"asked": 1, "refused": 1}
    assert [c["state"] for c in report["connections"]] == ["backing off"] * 2


async def test_standby_writes_no_report_and_removes_no_key(
    redis: RedisNode, reporting: Reporting
) -> None:
    await put(redis, "GONE/USD")
    assert reporting.reporter.describe()["epoch"] is None
    # Leave time for several reports.
    await asyncio.sleep(0.1)
    assert await symbols(redis) == {"GONE/USD"}
    assert not await redis.exists(FEED)


async def test_leader_removes_symbols_that_it_does_not_follow(
    redis: RedisNode, reporting: Reporting
) -> None:
    await put(redis, "GONE/USD", "OLD/EUR", *CONFIGURED)
    reporting.leadership.begin(77)
    await async_wait_until(lambda: _gone(redis, "GONE/USD", "OLD/EUR"))
    assert await symbols(redis) == set(CONFIGURED)
    for symbol in CONFIGURED:
        assert await redis.exists(book_key(symbol), events_key(symbol)) == 2


async def test_leader_removes_no_symbol_of_another_shard(
    redis: RedisNode,
) -> None:
    shard = Shard(1, 2)
    many = [f"X{number}/USD" for number in range(12)]
    ours = {symbol for symbol in many if shard.has(symbol)}
    assert ours
    assert len(ours) < len(many)
    await put(redis, *many)
    reporting = Reporting(redis, shard)
    reporting.leadership.begin(77)
    await async_wait_until(lambda: _gone(redis, *ours))
    assert await symbols(redis) == set(many) - ours
    await cancel(reporting.task)


async def test_all_new_shards_together_remove_every_unused_symbol(
    redis: RedisNode,
) -> None:
    many = [f"X{number}/USD" for number in range(12)]
    await put(redis, *many, *CONFIGURED)
    new = [Reporting(redis, Shard(i, 3)) for i in range(3)]
    for reporting in new:
        reporting.leadership.begin(77)
    await async_wait_until(lambda: _gone(redis, *many))
    assert await symbols(redis) == set(CONFIGURED)
    for reporting in new:
        await cancel(reporting.task)


async def test_symbol_written_again_after_its_removal_is_removed_again(
    redis: RedisNode,
) -> None:
    reporting = Reporting(redis, Shard(0, 1), clear_interval=0.0)
    await put(redis, "GONE/USD")
    reporting.leadership.begin(77)
    await async_wait_until(lambda: _gone(redis, "GONE/USD"))
    await redis.hset(book_key("GONE/USD"), "symbol", "GONE/USD")
    await redis.xadd(events_key("GONE/USD"), {"kind": "snapshot"})
    await async_wait_until(lambda: _gone(redis, "GONE/USD"))
    await cancel(reporting.task)


async def test_reports_of_overlapping_shards_without_a_leader_are_removed_by_the_reporter(
    redis: RedisNode, reporting: Reporting
) -> None:
    for field in ("0/2", "1/2"):
        await redis.hset(FEED, field, "{}")
    await redis.set(lease_key("1/2"), "77 another")
    reporting.leadership.begin(77)
    await async_wait_until(lambda: _reports(redis, {"0/1", "1/2"}))


async def _reports(redis: RedisNode, shards: set[str]) -> bool:
    return set(await texts_at(redis, FEED)) == shards


async def _gone(redis: RedisNode, *names: str) -> bool:
    keys = [key(name) for name in names for key in (book_key, events_key)]
    return not await redis.exists(*keys) and not (await symbols(redis) & set(names))


async def test_symbol_that_is_not_utf8_is_removed_with_the_others(
    redis: RedisNode, reporting: Reporting
) -> None:
    await put(redis, "GONE/USD")
    await redis.hset(SYMBOLS, b"\xff/USD", "{}")
    reporting.leadership.begin(7)
    await async_wait_until(lambda: _gone(redis, "GONE/USD"))
    assert b"\xff/USD" not in await redis.hkeys(SYMBOLS)
