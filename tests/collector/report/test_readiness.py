"""A collector is ready when it could lead."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from collector.feed.feed import Feed
from collector.feed.link import FeedLoad
from collector.feed.timestamp import timestamp_now
from collector.lead.lease import Lease
from collector.publish.leadership import Leadership
from collector.publish.publisher import Publisher
from collector.report.ops import make_ops_app
from collector.report.readiness import LeadReadiness
from collector.report.reporter import Reporter
from collector.settings import Shard
from kraken_book.contract.keys import FEED
from kraken_book.precision import Precision
from kraken_book.selection import parse_selection
from lab.waiting import async_wait_until, cancel
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.feed.listed_venue import Listed, ListedVenue
from tests.collector.publish.boxes import RETENTION, levels

SHARD = Shard(0, 1)


class Collecting:
    """A feed of some symbols, and a lease that is not held."""

    def __init__(self, redis: RedisNode, symbols: str) -> None:
        self.feed = Feed(
            ListedVenue(), parse_selection(symbols), SHARD, 4000, FeedLoad(),
            lambda _book: None, lambda _symbol: None,
        )  # fmt: skip
        nodes, leadership = OneNode(redis), Leadership()
        publisher = Publisher(nodes, RETENTION, str(SHARD), leadership, FeedLoad())
        self.lease = Lease(nodes, SHARD, 5.0, publisher)
        self.readiness = LeadReadiness(self.feed, self.lease)
        self.reporter = Reporter(nodes, SHARD, self.feed, leadership, self.lease)

    def become_live(self, symbol: str) -> None:
        book = self.feed.books[symbol]
        book.precision = Precision(1, 8)
        bids, asks = levels(("1.0", "1.00000000")), levels(("2.0", "1.00000000"))
        book.take_snapshot(bids, asks, None, None, timestamp_now())


@pytest.fixture
def collecting(redis: RedisNode) -> Collecting:
    return Collecting(redis, "BTC/USD,ETH/USD")


def test_collector_is_starting_until_each_symbol_was_live_or_refused(
    collecting: Collecting,
) -> None:
    readiness = collecting.readiness
    assert readiness.unready_reason() == "starting"
    collecting.become_live("BTC/USD")
    assert readiness.unready_reason() == "starting"
    collecting.feed.books["ETH/USD"].refuse("not listed")
    assert readiness.unready_reason() is None


def test_symbol_that_was_live_once_is_not_waited_for(collecting: Collecting) -> None:
    collecting.become_live("ETH/USD")
    collecting.feed.books["ETH/USD"].lose("checksum")
    collecting.become_live("BTC/USD")
    assert collecting.readiness.unready_reason() is None


def test_collector_without_a_live_book_is_not_ready(collecting: Collecting) -> None:
    for book in collecting.feed.books.values():
        collecting.become_live(book.symbol)
    assert collecting.readiness.unready_reason() is None
    for book in collecting.feed.books.values():
        book.lose("disconnected")
    assert collecting.readiness.unready_reason() == "no-live-book"
    collecting.become_live("BTC/USD")
    assert collecting.readiness.unready_reason() is None


def test_collector_whose_symbols_are_all_refused_is_ready(collecting: Collecting) -> None:
    for book in collecting.feed.books.values():
        book.refuse("not listed")
    assert collecting.readiness.unready_reason() is None


def test_wildcards_are_waited_for_and_a_later_symbol_is_not(redis: RedisNode) -> None:
    collecting = Collecting(redis, "*/USD")
    assert collecting.readiness.unready_reason() == "starting"
    collecting.feed.on_instruments([Listed("BTC/USD")], is_all=True)
    assert collecting.readiness.unready_reason() == "starting"
    collecting.become_live("BTC/USD")
    assert collecting.readiness.unready_reason() is None
    collecting.feed.on_instruments([Listed("SOL/USD")], is_all=False)
    assert collecting.feed.books["SOL/USD"].status == "asked"
    assert collecting.readiness.unready_reason() is None


async def test_collector_beside_a_newer_contract_is_not_ready(
    redis: RedisNode, collecting: Collecting
) -> None:
    for symbol in collecting.feed.books:
        collecting.become_live(symbol)
    await redis.hset(FEED, "1/2", '{"contract":"2.0"}')
    leading = asyncio.create_task(collecting.lease.run())
    await async_wait_until(lambda: collecting.readiness.unready_reason() == "newer-contract")
    await cancel(leading)


async def test_readyz_answers_200_or_503_with_the_reason(collecting: Collecting) -> None:
    app = make_ops_app(collecting.reporter, collecting.readiness, "0.0.0.0")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
        answer = await client.get("http://collector/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"status": "not ready", "reason": "starting"}
        for symbol in collecting.feed.books:
            collecting.become_live(symbol)
        answer = await client.get("http://collector/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_collector_that_may_not_ask_for_the_lease_is_not_ready() -> None:
    collecting = Collecting(connect_redis("redis://127.0.0.1:1/0"), "BTC/USD")
    collecting.become_live("BTC/USD")
    assert collecting.readiness.unready_reason() is None
    task = asyncio.create_task(collecting.lease.run())
    await async_wait_until(lambda: collecting.readiness.unready_reason() == "no-lease")
    await cancel(task)
