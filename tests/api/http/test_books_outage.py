"""Responses while Redis is down: 503, with the last known book."""

from __future__ import annotations

import pytest

from lab.written_books import snapshot, update
from launcher.embedded_redis import EmbeddedRedis
from runtime.redis.client import connect_redis
from tests.api.http.problem_check import assert_problem
from tests.api.replica import EPOCH, Replica, Written


@pytest.mark.parametrize(
    "path",
    [
        *("/symbols", "/books", "/depth/BTC/USD", "/events/BTC/USD", "/readyz"),
        "/stream/no-symbol-at-all",
    ],
)
async def test_unreachable_redis_is_a_503_with_retry_after(path: str) -> None:
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    async with away.client() as client:
        answer = await client.get(path)
        body = assert_problem(answer, 503, "redis-away")
        assert answer.headers["retry-after"] == str(body["retry_after"])
        assert ("book" in body) == path.startswith("/depth")
        assert body.get("book") is None
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.process
async def test_book_read_without_the_list_is_in_the_503_while_redis_is_down() -> None:
    with EmbeddedRedis() as server:
        redis = connect_redis(server.url, timeout=1.0)
        written, replica = Written(redis), Replica(redis)
        await written.book(EPOCH, snapshot(1))
        async with replica.client() as client:
            assert (await client.get("/depth/btc-usd")).status_code == 200
            server.kill()
            body = assert_problem(await client.get("/depth/btc-usd"), 503, "redis-away")
            assert (body["book"]["seq"], body["book"]["status"]) == (1, "stale")
        await redis.aclose()


@pytest.mark.process
async def test_known_book_is_in_the_503_while_redis_is_down() -> None:
    with EmbeddedRedis() as server:
        redis = connect_redis(server.url, timeout=1.0)
        written, replica = Written(redis), Replica(redis)
        await written.symbol("BTC/USD")
        await written.symbol("ETH/USD")
        await written.book(EPOCH, snapshot(1), update(2), age=5)
        async with replica.client() as client:
            before = (await client.get("/depth/BTC/USD")).json()
            await client.get("/books")
            server.kill()
            answer = await client.get("/depth/BTC/USD")
            body = assert_problem(answer, 503, "redis-away")
            assert answer.headers["retry-after"] == str(body["retry_after"])
            book = body["book"]
            assert answer.headers["x-book-age-ms"] == str(book["age_ms"])
            assert answer.headers["x-book-source"] == "simulated"
            assert book.pop("age_ms") >= before.pop("age_ms") >= 5_000
            assert (before.pop("status"), book.pop("status")) == ("live", "stale")
            assert book == before
            cut = (await client.get("/depth/BTC/USD?levels=1")).json()["book"]
            assert (len(cut["bids"]), len(cut["asks"])) == (1, 1)
            body = assert_problem(await client.get("/depth/ETH/USD"), 503, "redis-away")
            assert body["book"] is None
            # After Redis has lost its data, this process still has the book.
            server.start()
            await written.symbol("BTC/USD", "syncing")
            body = assert_problem(await client.get("/depth/BTC/USD"), 503, "no-book")
            assert (body["book"]["seq"], body["book"]["status"]) == (2, "stale")
            assert body["book"]["age_ms"] >= 5_000
        await redis.aclose()
