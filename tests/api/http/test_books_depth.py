"""One book: /depth."""

from __future__ import annotations

import httpx
import pytest

from api.http.books import has_tag
from kraken_book.contract.keys import SYMBOLS, book_key
from lab.written_books import CONFIRMED_AT, book_snapshot_at, snapshot, status, update
from runtime.redis.exchange import RedisNode
from tests.api.http.problem_check import assert_problem
from tests.api.replica import EPOCH, MAX_AGE, Replica, Written


async def test_depth_has_the_fields_of_the_hash_and_the_age(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    answer = await client.get("/depth/BTC/USD")
    body = answer.json()
    assert answer.status_code == 200
    assert 0 <= body.pop("age_ms") < MAX_AGE * 1000
    assert body.pop("confirmed_at").endswith("Z")
    assert body == {
        "symbol": "BTC/USD",
        "status": "live",
        "source": "simulated",
        "proof": "checksum",
        "depth": 10,
        "price_precision": 1,
        "qty_precision": 8,
        "epoch": EPOCH,
        "seq": 2,
        "event_id": (await written.ids())[-1],
        "checksum": book_snapshot_at(2).checksum,
        "exchange_time": CONFIRMED_AT,
        "best_bid": {"price": "100.0", "qty": "0.00000002"},
        "best_ask": {"price": "101.0", "qty": "2.00000000"},
        "spread": "1.0",
        "bids": [["100.0", "0.00000002"], ["99.0", "1.00000000"]],
        "asks": [["101.0", "2.00000000"], ["102.5", "3.00000000"]],
    }


@pytest.mark.parametrize(
    "path",
    [
        *("BTC/USD", "BTC%2FUSD", "btc-usd", "btc/usd", "xbt-usd", "XBT/USD"),
        *("BTCUSD", "xbtusd", "btc_usd", "btc.usd"),
    ],
)
async def test_depth_accepts_any_spelling_of_a_symbol(
    client: httpx.AsyncClient, btc: None, path: str
) -> None:
    answer = await client.get(f"/depth/{path}")
    assert (answer.status_code, answer.json()["symbol"]) == (200, "BTC/USD")


@pytest.mark.parametrize(("levels", "count"), [("1", 1), ("2", 2), ("3", 2), ("999999999999", 2)])
async def test_levels_cuts_each_side_and_large_numbers_mean_all(
    client: httpx.AsyncClient, btc: None, levels: str, count: int
) -> None:
    body = (await client.get("/depth/BTC/USD", params={"levels": levels})).json()
    assert body["bids"] == [["100.0", "0.00000002"], ["99.0", "1.00000000"]][:count]
    assert body["asks"] == [["101.0", "2.00000000"], ["102.5", "3.00000000"]][:count]
    assert body["checksum"] == book_snapshot_at(2).checksum


async def test_whole_book_has_the_same_members_as_a_cut_one(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    for status_code in ("live", "syncing"):
        if status_code == "syncing":
            await written.status(EPOCH, status(3))
        whole = (await client.get("/depth/BTC/USD")).json()
        cut = (await client.get("/depth/BTC/USD?levels=9")).json()
        assert list(whole) == list(cut)
        assert whole.pop("age_ms") <= cut.pop("age_ms")
        assert whole == cut
        assert whole["status"] == status_code


async def test_unknown_symbol_is_a_404_with_the_nearest_symbols(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    await written.symbol("ETH/USD")
    body = assert_problem(await client.get("/depth/BTC/USDT"), 404, "unknown-symbol")
    assert body["symbols"][0] == "BTC/USD"
    assert "BTC/USD" in body["detail"]
    body = assert_problem(await client.get("/depth/zzzzzzzzzz"), 404, "unknown-symbol")
    assert body["symbols"] == []


async def test_ambiguous_name_is_a_404_with_the_symbols_that_it_may_mean(
    client: httpx.AsyncClient, written: Written
) -> None:
    for symbol in ("AB/CUSD", "ABC/USD", "BTC/USD"):
        await written.symbol(symbol)
    body = assert_problem(await client.get("/depth/abcusd"), 404, "unknown-symbol")
    assert sorted(body["symbols"]) == ["AB/CUSD", "ABC/USD"]
    answer = await client.head("/stream?symbols=BTCUSD,abc_usd")
    assert answer.status_code == 200


async def test_stale_book_is_a_503_with_the_last_known_book(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("BTC/USD")
    await written.book(EPOCH, snapshot(7), age=60)
    answer = await client.get("/depth/BTC/USD?levels=1")
    body = assert_problem(answer, 503, "stale-book")
    assert answer.headers["retry-after"] == str(body["retry_after"])
    assert body["retry_after"] >= 1
    book = body["book"]
    assert (book["status"], book["seq"], book["bids"]) == ("stale", 7, [["100.0", "0.00000007"]])
    assert book["age_ms"] >= 60_000


@pytest.mark.parametrize("hash_there", [False, True])
async def test_missing_book_is_a_503_with_null(
    client: httpx.AsyncClient, written: Written, hash_there: bool
) -> None:
    await written.symbol("BTC/USD", "syncing", "checksum")
    if hash_there:
        await written.status(EPOCH, status(1))
    answer = await client.get("/depth/BTC/USD")
    body = assert_problem(answer, 503, "no-book")
    assert body["book"] is None
    assert "checksum mismatch: asking for it again" in body["detail"]
    assert int(answer.headers["retry-after"]) >= 1


async def test_young_syncing_book_is_a_200_with_its_status(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    await written.status(EPOCH, status(3))
    answer = await client.get("/depth/BTC/USD")
    assert (answer.status_code, answer.json()["status"], answer.json()["seq"]) == (
        200,
        "syncing",
        2,
    )


async def test_etag_is_the_event_id_and_a_304_has_the_age(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    answer = await client.get("/depth/BTC/USD")
    etag = answer.headers["etag"]
    assert etag == f'W/"{(await written.ids())[-1]}"'
    assert answer.headers["x-book-age-ms"] == str(answer.json()["age_ms"])
    again = await client.get("/depth/BTC/USD", headers={"If-None-Match": f'"x", {etag[2:]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert again.headers["x-book-age-ms"].isdigit()
    await written.book(EPOCH, update(3))
    newer = await client.get("/depth/BTC/USD", headers={"If-None-Match": etag})
    assert (newer.status_code, newer.json()["seq"]) == (200, 3)


async def test_stale_book_is_never_a_304(client: httpx.AsyncClient, written: Written) -> None:
    await written.symbol("BTC/USD")
    await written.book(EPOCH, snapshot(7), age=60)
    etag = f'W/"{(await written.ids())[-1]}"'
    answer = await client.get("/depth/BTC/USD", headers={"If-None-Match": etag})
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("header", "has"),
    [
        ('W/"7-1"', True),
        ('"7-1"', True),
        ('"6-1", W/"7-1"', True),
        ('"6-1","7-1"', True),
        ("*", True),
        ('W/"6-1"', False),
        ('"6-1", "8-1"', False),
        ('W/"7-12"', False),
        ("7-1", False),
        ("", False),
    ],
)
def test_has_tag_compares_weakly(header: str, has: bool) -> None:
    assert has_tag(header, 'W/"7-1"') is has


async def test_removed_symbol_is_a_404(redis: RedisNode, written: Written, btc: None) -> None:
    await written.symbol("ETH/USD")
    async with Replica(redis, list_fresh_seconds=0.0).client() as client:
        assert (await client.get("/depth/BTC/USD")).status_code == 200
        await written.redis.hdel(SYMBOLS, "BTC/USD")
        await written.redis.delete(book_key("BTC/USD"))
        assert_problem(await client.get("/depth/BTC/USD"), 404, "unknown-symbol")


async def test_depth_of_emptied_redis_is_a_503_with_the_last_book(
    redis: RedisNode, written: Written, btc: None
) -> None:
    async with Replica(redis, list_fresh_seconds=0.0).client() as client:
        assert (await client.get("/depth/BTC/USD")).status_code == 200
        await written.redis.flushall()
        body = assert_problem(await client.get("/depth/BTC/USD"), 503, "no-symbols")
    assert (body["book"]["seq"], body["book"]["status"]) == (2, "stale")


@pytest.mark.parametrize("name", ["BTC/USD", "btc-usd", "xbt/usd"])
async def test_depth_serves_a_book_without_the_list_of_symbols(
    client: httpx.AsyncClient, written: Written, name: str
) -> None:
    await written.book(EPOCH, snapshot(1))
    answer = await client.get(f"/depth/{name}")
    assert (answer.status_code, answer.json()["symbol"]) == (200, "BTC/USD")
    assert_problem(await client.get("/depth/ETH/USD"), 503, "no-symbols")
    # The same with a list that lacks the symbol.
    await written.symbol("ETH/USD")
    assert (await client.get(f"/depth/{name}")).status_code == 200


async def test_depth_of_refused_symbol_is_a_404_with_krakens_reason(
    client: httpx.AsyncClient, written: Written
) -> None:
    words = "Currency pair not supported XBT/EUR"
    await written.symbol("XBT/EUR", "refused", words)
    answer = await client.get("/depth/XBT/EUR")
    body = assert_problem(answer, 404, "refused-symbol")
    assert words in body["detail"]
    assert body["reason"] == words
    assert "retry-after" not in answer.headers
    # An old book that is no longer confirmed changes nothing.
    await written.book(EPOCH, snapshot(1), symbol="XBT/EUR", age=60)
    assert_problem(await client.get("/depth/XBT/EUR"), 404, "refused-symbol")
