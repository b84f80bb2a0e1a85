"""Live answers are as the specification says, with no other members or headers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from kraken_book.contract.keys import events_key
from lab.written_books import snapshot, status
from tests.api.http.spec.strict import assert_declared, assert_valid, reference
from tests.api.replica import EPOCH, Replica, Written, messages, received

Path = tuple[str, str]
PATHS: list[Path] = [
    ("/symbols", "/symbols"),
    ("/books", "/books"),
    ("/depth/{symbol}", "/depth/BTC/USD"),
    ("/depth/{symbol}", "/depth/BTCUSD?levels=1"),
    ("/quote/{symbol}", "/quote/xbt-usd?side=buy&qty=1.5"),
    ("/quote/{symbol}", "/quote/BTC/USD?side=sell&qty=1000000"),
    ("/best/{pair}", "/best/xbt-usd"),
    ("/events/{symbol}", "/events/BTC/USD?limit=1"),
    ("/events/{symbol}", "/events/BTC/USD"),
    ("/events/{symbol}", "/events/BTC/USD?format=ndjson"),
    ("/healthz", "/healthz"),
    ("/readyz", "/readyz"),
    ("/metrics", "/metrics"),
    ("/", "/?any=1"),
    ("/docs", "/docs"),
    ("/openapi.json", "/openapi.json"),
    ("/asyncapi.json", "/asyncapi.json"),
]


@pytest.mark.parametrize(("path", "target"), PATHS)
async def test_answer_is_as_declared(
    client: httpx.AsyncClient, btc: None, path: str, target: str
) -> None:
    answer = await client.get(target)
    assert answer.status_code == 200
    assert_declared(answer, path)
    head = await client.head(target)
    assert (head.status_code, head.headers["content-type"]) == (200, answer.headers["content-type"])


async def test_unchanged_book_is_as_declared(client: httpx.AsyncClient, btc: None) -> None:
    etag = (await client.get("/depth/BTC/USD")).headers["etag"]
    answer = await client.get("/depth/BTC/USD", headers={"If-None-Match": etag})
    assert answer.status_code == 304
    assert_declared(answer, "/depth/{symbol}")


@pytest.mark.parametrize("path", ["/depth/{symbol}", "/quote/{symbol}"])
async def test_problems_of_books_are_as_declared(
    client: httpx.AsyncClient, written: Written, path: str
) -> None:
    query = "?side=buy&qty=1" if "quote" in path else ""

    async def problem(symbol: str, query: str = query) -> Any:
        answer = await client.get(path.replace("{symbol}", symbol) + query)
        assert_declared(answer, path)
        return answer.json()["type"].rpartition(":")[2]

    assert await problem("BTC/USD") == "no-symbols"
    await written.symbol("BTC/USD", "syncing", "checksum")
    assert await problem("BTC/USD") == "no-book"
    await written.book(EPOCH, snapshot(7), age=60)
    assert await problem("BTC/USD") == "stale-book"
    await written.symbol("XBT/EUR", "refused", "no")
    assert await problem("NOPE/USD") == "unknown-symbol"
    assert await problem("BTC/USD", "?nope=1") == "bad-parameter"
    assert await problem("X" * 2000) == "uri-too-long"


async def test_problems_of_events_are_as_declared(
    client: httpx.AsyncClient, written: Written
) -> None:
    path = "/events/{symbol}"
    for name, target in (("no-symbols", "/events/BTC/USD"), ("bad-parameter", "/events/x?limit=0")):
        answer = await client.get(target)
        assert answer.json()["type"].rpartition(":")[2] == name
        assert_declared(answer, path)
    await written.symbol("BTC/USD")
    await written.redis.set(events_key("BTC/USD"), "somebody's")
    answer = await client.get("/events/BTC/USD")
    assert answer.json()["type"].rpartition(":")[2] == "corrupt-events"
    assert_declared(answer, path)


async def test_refused_symbol_and_its_summary_are_as_declared(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("XBT/EUR", "refused", "Currency pair not supported XBT/EUR")
    answer = await client.get("/depth/XBT/EUR")
    assert answer.status_code == 404
    assert_declared(answer, "/depth/{symbol}")
    await written.symbol("A/B", "asked")
    answer = await client.get("/books")
    assert {each["status"] for each in answer.json()} <= {"refused", "asked"}
    assert_declared(answer, "/books")


async def test_events_of_a_stream_are_as_declared(
    replica: Replica, written: Written, btc: None
) -> None:
    await written.status(EPOCH, status(3))
    async with replica.following():
        unknown, resumed = replica.cursor(), replica.cursor()
        seen = messages(await unknown.resume("1-1"))
        first, *_ = await written.ids()
        opening = messages(await resumed.resume(first))
        seen += opening + await received(resumed, 2 - len(opening))
        unknown.close()
        resumed.close()
    names = {"update": "Update", "snapshot": "Snapshot", "status": "StatusChange"}
    kinds = set()
    for message in seen:
        name = names.get(message["kind"], "Lagged")
        kinds.add(name)
        assert_valid(dict(message), reference(name))
    assert kinds == {"Update", "Snapshot", "StatusChange", "Lagged"}
