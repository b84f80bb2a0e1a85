"""The route /status."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from starlette.requests import Request

from api.http.status import SILENT_AFTER, StatusRoute
from api.store.feed_reports import (
    FRESH_SECONDS,
    MAX_REPORT_BYTES,
    MAX_SHARDS,
    FeedReports,
)
from kraken_book.contract.keys import VENUES, feed_key
from kraken_book.timestamps import rfc3339
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import Replica, Written

REQUEST = Request({"type": "http", "headers": []})


def report(age: float = 0.0, now: int | None = None, **changes: Any) -> bytes:
    """Return the report of a collector, written `age` seconds before `now` (Unix ns)."""
    now = time.time_ns() if now is None else now
    return json.dumps(
        {
            "venue": "kraken",
            "leader": {"host": "feed-1", "pid": 7},
            "epoch": 12,
            "waits_for": None,
            "at": rfc3339(now - int(age * 1e9)),
            "redis": {"status": "ok", "troubles": [{"error": "secret words"}]},
            "symbols": {"live": 2, "syncing": 1},
            "mismatches": {"checksum": 3, "crossed": 1},
            "resyncs": {"checksum": 4},
            "connections": [{"name": "1", "state": "live", "symbols": 3, "lag_ms": 9, "frames": 1}],
            **changes,
        }
    ).encode()


async def status(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/status")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    body: dict[str, Any] = answer.json()
    return body


async def test_status_has_each_collector_with_its_age(redis: RedisNode) -> None:
    now = 1000.0
    unix = time.time_ns() // 1000 * 1000
    replica = Replica(redis)
    replica.store.feed_reports = FeedReports(
        OneNode(redis), replica.store.venues, lambda: now, lambda: unix
    )
    route = StatusRoute(replica.store, replica.streams, lambda: now)
    await redis.hset(feed_key("kraken"), "1/2", report(age=SILENT_AFTER + 1, now=unix))
    await redis.hset(feed_key("kraken"), "0/2", report(age=SILENT_AFTER, now=unix))
    await redis.sadd(VENUES, "binance")
    body = json.loads(bytes((await route.status(REQUEST)).body))
    assert body["redis"] == {"status": "ok", "reason": None, "nodes": 1}
    kraken, binance = body["feeds"]
    assert binance == {"venue": "binance", "reason": None, "malformed": 0, "collectors": []}
    fresh, old = kraken["collectors"]
    assert [fresh["shard"], fresh["status"], fresh["age_ms"]] == ["0/2", "reporting", 5000]
    assert [old["shard"], old["status"], old["age_ms"]] == ["1/2", "silent", 6000]
    assert fresh["leader"] == {"host": "feed-1", "pid": 7}
    assert [fresh["epoch"], fresh["mismatches"], fresh["resyncs"]] == [12, 4, 4]
    assert fresh["books"] == {"live": 2, "syncing": 1}
    assert fresh["connections"][0]["lag_ms"] == 9
    assert "secret words" not in json.dumps(body)


DEEP = b"[" * 5000 + b"]" * 5000


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"x" * (MAX_REPORT_BYTES + 1),
        report(at="yesterday"),
        report(leader=1),
        report(contract="1.1").replace(b"1.1", b"\xff"),
        report(more=1).replace(b'"more": 1', b'"more":' + DEEP),
    ],
    ids=["cut", "list", "long", "no time", "no leader", "no UTF-8", "deep"],
)
async def test_malformed_report_is_left_out_and_counted(
    client: httpx.AsyncClient, written: Written, data: bytes
) -> None:
    await written.redis.hset(feed_key("kraken"), "0/2", data)
    await written.redis.hset(feed_key("kraken"), "1/2", report())
    (kraken,) = (await status(client))["feeds"]
    assert [each["shard"] for each in kraken["collectors"]] == ["1/2"]
    assert kraken["malformed"] == 1


async def test_status_is_bounded_for_many_shards(
    client: httpx.AsyncClient, written: Written
) -> None:
    for shard in range(MAX_SHARDS + 1):
        await written.redis.hset(feed_key("kraken"), f"{shard}/99", report())
    (kraken,) = (await status(client))["feeds"]
    assert [len(kraken["collectors"]), kraken["malformed"]] == [MAX_SHARDS, 1]


async def test_key_of_another_type_concerns_its_venue_alone(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.redis.set(feed_key("kraken"), "x")
    body = await status(client)
    assert body["redis"]["status"] == "ok", body
    # fakeredis has other words for it than Redis.
    assert body["feeds"][0]["reason"] in {"wrong-type", "error"}


async def test_reports_are_read_once_in_an_interval_and_age_by_own_clock(redis: RedisNode) -> None:
    now = 100.0
    replica = Replica(redis)
    # The clock of the collector is an hour late.
    reports = FeedReports(
        OneNode(redis),
        replica.store.venues,
        lambda: now,
        lambda: time.time_ns() + 3_600_000_000_000,
    )

    async def age() -> float:
        (found,) = (await reports.read())["kraken"].reports
        return now - found.changed_at

    await redis.hset(feed_key("kraken"), "0/1", report())
    assert await age() == pytest.approx(3600, abs=60)
    await redis.hset(feed_key("kraken"), "0/1", report(epoch=13))
    now += FRESH_SECONDS / 2
    assert await age() > 3000
    now += FRESH_SECONDS / 2
    assert await age() == FRESH_SECONDS
    now += 7
    assert await age() == FRESH_SECONDS + 7


async def test_status_without_redis_has_the_last_reports(redis: RedisNode) -> None:
    class Nodes(OneNode):
        is_away = False

        async def call(self, key: str, *command: Any) -> Any:
            if self.is_away:
                raise RedisConnectionError
            return await super().call(key, *command)

    nodes = Nodes(redis)
    replica = Replica(redis, nodes=nodes)
    now = 0.0
    reports = FeedReports(nodes, replica.store.venues, lambda: now)
    replica.store.feed_reports = reports
    route = StatusRoute(replica.store, replica.streams, lambda: now)
    await redis.hset(feed_key("kraken"), "0/1", report())
    first = json.loads(bytes((await route.status(REQUEST)).body))
    nodes.is_away = True
    now += 60
    second = json.loads(bytes((await route.status(REQUEST)).body))
    assert [first["redis"]["status"], second["redis"]["status"]] == ["ok", "away"]
    assert second["redis"]["reason"]
    (collector,) = second["feeds"][0]["collectors"]
    assert [collector["status"], collector["epoch"]] == ["silent", 12]
    assert second["replica"]["uptime_s"] == 60
