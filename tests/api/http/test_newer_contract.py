"""A replica beside a collector of a newer contract says so, and is not ready."""

from __future__ import annotations

import httpx
import pytest
from structlog.testing import capture_logs

from api.store import feed_reports
from api.store.feed_reports import FeedReports
from api.store.report_watch import ReportWatch
from kraken_book.contract.keys import VENUES, feed_key
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.http.problem_check import assert_problem
from tests.api.replica import Replica


async def check_again(watch: ReportWatch, clock: list[float]) -> None:
    clock[0] += feed_reports.FRESH_SECONDS
    await watch.check()


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def watch(redis: RedisNode, replica: Replica, clock: list[float]) -> ReportWatch:
    reports = FeedReports(OneNode(redis), replica.store.venues, lambda: clock[0])
    replica.store.report_watch = ReportWatch(reports)
    return replica.store.report_watch


async def test_readyz_is_a_503_while_a_collector_writes_a_newer_contract(
    client: httpx.AsyncClient, redis: RedisNode, watch: ReportWatch, clock: list[float]
) -> None:
    await redis.sadd(VENUES, "binance")
    # A newer report may have any form but for this member.
    await redis.hset(feed_key("binance"), "0/1", '{"contract":"2.3","leader":7}')
    with capture_logs() as lines:
        await check_again(watch, clock)
        await check_again(watch, clock)
        assert_problem(await client.get("/readyz"), 503, "newer-contract")
        assert (await client.get("/healthz")).status_code == 200
        await redis.delete(feed_key("binance"))
        await check_again(watch, clock)
    assert (await client.get("/readyz")).status_code == 200
    newer, known = [line for line in lines if "contract" in line["event"]]
    assert (newer["log_level"], newer["venue"], newer["contract"]) == ("error", "binance", "2.3")
    assert known["event"] == "contract of the collector is known again"


async def test_outage_of_redis_keeps_a_newer_contract_in_mind(
    redis: RedisNode, watch: ReportWatch, clock: list[float]
) -> None:
    await redis.hset(feed_key("kraken"), "0/1", '{"contract":"2.3"}')
    await check_again(watch, clock)
    await redis.delete(feed_key("kraken"))
    await redis.set(feed_key("kraken"), "unreadable")
    await check_again(watch, clock)
    assert watch.newer == {"kraken": "2.3"}
