"""The metric has the age of each collector's report."""

from __future__ import annotations

import json

from api.store.feed_reports import FRESH_SECONDS, FeedReports
from api.store.metrics import REPORT_AGE
from api.store.report_watch import ReportWatch
from kraken_book.contract.keys import VENUES, feed_key
from kraken_book.timestamps import rfc3339
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import Replica


def report(at: int) -> str:
    """Return a report of the Unix time `at`."""
    return json.dumps({"leader": {"host": "feed-1", "pid": 7}, "at": rfc3339(at * 10**9)})


def ages() -> dict[tuple[str, str], float]:
    (family,) = REPORT_AGE.collect()
    return {(each.labels["venue"], each.labels["shard"]): each.value for each in family.samples}


async def test_age_of_a_report_grows_until_it_changes_or_is_removed(redis: RedisNode) -> None:
    now = 1000
    reports = FeedReports(
        OneNode(redis), Replica(redis).store.venues, lambda: now, lambda: now * 10**9
    )
    watch = ReportWatch(reports, clock=lambda: now)
    await redis.sadd(VENUES, "binance")
    await redis.hset(feed_key("kraken"), "0/1", report(now))
    await redis.hset(feed_key("binance"), "0/2", report(now - 7200))
    await watch.check()
    # Nobody has led binance for two hours, of which this replica has seen nothing.
    assert ages() == {("kraken", "0/1"): 0, ("binance", "0/2"): 7200}
    now += 60
    await redis.hset(feed_key("kraken"), "0/1", report(now))
    await watch.check()
    assert ages() == {("kraken", "0/1"): 0, ("binance", "0/2"): 7260}
    now += int(FRESH_SECONDS)
    await redis.delete(feed_key("binance"))
    await watch.check()
    assert ages() == {("kraken", "0/1"): FRESH_SECONDS}
