"""/symbols, /books, /depth and the rest: the forms of all answers, over a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from api.delivery.stream_start import StreamRequest
from api.http.books import has_tag
from api.http.parameters import parse_levels, parse_stream_request
from api.http.problems import Problem
from kraken_book.contract.keys import SYMBOLS, book_key
from lab.written_books import CONFIRMED_AT, book_snapshot_at, snapshot, status, update
from launcher.embedded_redis import EmbeddedRedis
from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from tests.api.replica import MAX_AGE, Replica, Written

EPOCH = 1785638131660
PROBLEM = "application/problem+json"


@pytest.fixture
async def client(replica: Replica) -> AsyncIterator[httpx.AsyncClient]:
    async with replica.client() as client:
        yield client


@pytest.fixture
async def btc(written: Written) -> None:
    """One live book at seq 2."""
    await written.symbol("BTC/USD")
    await written.book(EPOCH, snapshot(1), update(2))


def assert_problem(answer: httpx.Response, status_code: int, name: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status_code
    assert answer.headers["content-type"] == PROBLEM
    assert list(body)[:5] == ["type", "title", "status", "detail", "instance"]
    assert (body["status"], body["type"].rpartition(":")[2]) == (status_code, name)
    assert body["instance"] == answer.request.url.path
    assert body["title"]
    assert body["detail"]
    return body


# /symbols


async def test_symbols_are_the_acknowledged_ones_sorted(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("ETH/USD", "syncing")
    await written.symbol("XBT/EUR", "refused", "Currency pair not supported XBT/EUR")
    await written.symbol("BTC/USD", "live")
    await written.symbol("SOL/USD", "asked")
    answer = await client.get("/symbols")
    assert answer.text == '["BTC/USD","ETH/USD"]'
    assert answer.headers["content-type"] == "application/json"


async def test_without_any_the_answers_are_empty(client: httpx.AsyncClient) -> None:
    assert (await client.get("/symbols")).text == "[]"
    assert (await client.get("/books")).text == "[]"


# /books


async def test_books_has_a_row_for_every_configured_symbol(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    await written.symbol("XBT/EUR", "refused", "Currency pair not supported XBT/EUR")
    await written.symbol("ETH/USD", "syncing")
    rows = (await client.get("/books")).json()
    assert [row["symbol"] for row in rows] == ["BTC/USD", "ETH/USD", "XBT/EUR"]
    assert {" ".join(row) for row in rows} == {
        "symbol status reason source age_ms best_bid best_ask spread seq"
    }
    live, syncing, refused = rows
    assert 0 <= live.pop("age_ms") < MAX_AGE * 1000
    assert live == {
        "symbol": "BTC/USD",
        "status": "live",
        "reason": None,
        "source": "simulated",
        "best_bid": {"price": "100.0", "qty": "0.00000002"},
        "best_ask": {"price": "101.0", "qty": "2.00000000"},
        "spread": "1.0",
        "seq": 2,
    }
    nulls = dict.fromkeys(("age_ms", "best_bid", "best_ask", "spread", "seq"))
    assert syncing == {
        **nulls,
        "symbol": "ETH/USD",
        "status": "syncing",
        "reason": None,
        "source": "simulated",
    }
    assert refused == {
        **nulls,
        "symbol": "XBT/EUR",
        "status": "refused",
        "reason": "Currency pair not supported XBT/EUR",
        "source": "simulated",
    }


async def test_a_refused_row_is_null_even_where_an_old_book_lies(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.book(EPOCH, snapshot(1), symbol="OLD/USD")
    await written.symbol("OLD/USD", "refused", "delisted")
    (row,) = (await client.get("/books")).json()
    values = [row[name] for name in ("age_ms", "best_bid", "best_ask", "spread", "seq")]
    assert values == [None] * 5


async def test_a_live_book_that_is_too_old_is_stale(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("BTC/USD")
    await written.book(EPOCH, snapshot(1), age=60)
    (row,) = (await client.get("/books")).json()
    assert row["status"] == "stale"
    assert row["age_ms"] >= 60_000


# /depth


async def test_depth_is_the_hashs_fields_as_json_and_its_age(
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
    "path", ["BTC/USD", "BTC%2FUSD", "btc-usd", "btc/usd", "xbt-usd", "XBT/USD"]
)
async def test_a_symbol_in_a_path_may_be_spelled_in_any_way(
    client: httpx.AsyncClient, btc: None, path: str
) -> None:
    answer = await client.get(f"/depth/{path}")
    assert (answer.status_code, answer.json()["symbol"]) == (200, "BTC/USD")


@pytest.mark.parametrize(("levels", "count"), [("1", 1), ("2", 2), ("3", 2), ("999999999999", 2)])
async def test_levels_cuts_each_side_and_more_than_the_depth_means_all(
    client: httpx.AsyncClient, btc: None, levels: str, count: int
) -> None:
    body = (await client.get("/depth/BTC/USD", params={"levels": levels})).json()
    assert body["bids"] == [["100.0", "0.00000002"], ["99.0", "1.00000000"]][:count]
    assert body["asks"] == [["101.0", "2.00000000"], ["102.5", "3.00000000"]][:count]
    assert body["checksum"] == book_snapshot_at(2).checksum


@pytest.mark.parametrize(
    "levels", ["0", "-1", "1.5", "ten", "", "1e3", "+5", " 5", "\u0665", "000"]
)
async def test_levels_of_zero_or_no_integer_is_a_400(
    client: httpx.AsyncClient, btc: None, levels: str
) -> None:
    answer = await client.get("/depth/BTC/USD", params={"levels": levels})
    assert assert_problem(answer, 400, "bad-parameter")["parameter"] == "levels"


def test_levels_by_themselves() -> None:
    assert parse_levels(None) is None
    assert parse_levels("10") == 10
    assert parse_levels("0000000010") == 10
    with pytest.raises(Problem):
        parse_levels("0")


async def test_an_unknown_symbol_is_a_404_with_the_nearest_known(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    await written.symbol("ETH/USD")
    body = assert_problem(await client.get("/depth/BTC/USDT"), 404, "unknown-symbol")
    assert body["symbols"][0] == "BTC/USD"
    assert "BTC/USD" in body["detail"]
    body = assert_problem(await client.get("/depth/zzzzzzzzzz"), 404, "unknown-symbol")
    assert body["symbols"] == []


async def test_a_book_that_is_too_old_is_a_503_with_the_last_known_one(
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
async def test_where_there_never_was_a_book_the_503_has_null(
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


async def test_a_syncing_book_is_shown_while_it_is_young_and_says_so(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    await written.status(EPOCH, status(3))
    answer = await client.get("/depth/BTC/USD")
    assert (answer.status_code, answer.json()["status"], answer.json()["seq"]) == (
        200,
        "syncing",
        2,
    )


async def test_the_etag_is_the_books_event_and_a_304_tells_its_age(
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


async def test_a_304_is_no_way_round_the_age(client: httpx.AsyncClient, written: Written) -> None:
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
def test_tags_are_compared_weakly(header: str, has: bool) -> None:
    assert has_tag(header, 'W/"7-1"') is has


async def test_a_symbol_that_is_removed_is_a_404_and_not_a_failure(
    redis: RedisNode, written: Written, btc: None
) -> None:
    await written.symbol("ETH/USD")
    async with Replica(redis, list_fresh_seconds=0.0).client() as client:
        assert (await client.get("/depth/BTC/USD")).status_code == 200
        await written.redis.hdel(SYMBOLS, "BTC/USD")
        await written.redis.delete(book_key("BTC/USD"))
        assert_problem(await client.get("/depth/BTC/USD"), 404, "unknown-symbol")


async def test_depth_of_an_emptied_redis_is_a_503_with_the_last_book(
    redis: RedisNode, written: Written, btc: None
) -> None:
    async with Replica(redis, list_fresh_seconds=0.0).client() as client:
        assert (await client.get("/depth/BTC/USD")).status_code == 200
        await written.redis.flushall()
        body = assert_problem(await client.get("/depth/BTC/USD"), 503, "no-symbols")
    assert (body["book"]["seq"], body["book"]["status"]) == (2, "stale")


@pytest.mark.parametrize("name", ["BTC/USD", "btc-usd", "xbt/usd"])
async def test_depth_serves_a_book_that_is_there_without_the_list_of_symbols(
    client: httpx.AsyncClient, written: Written, name: str
) -> None:
    await written.book(EPOCH, snapshot(1))
    answer = await client.get(f"/depth/{name}")
    assert (answer.status_code, answer.json()["symbol"]) == (200, "BTC/USD")
    assert_problem(await client.get("/depth/ETH/USD"), 503, "no-symbols")
    # A list that lacks it is no better than none.
    await written.symbol("ETH/USD")
    assert (await client.get(f"/depth/{name}")).status_code == 200


async def test_depth_of_a_refused_symbol_is_a_404_with_krakens_words(
    client: httpx.AsyncClient, written: Written
) -> None:
    words = "Currency pair not supported XBT/EUR"
    await written.symbol("XBT/EUR", "refused", words)
    answer = await client.get("/depth/XBT/EUR")
    body = assert_problem(answer, 404, "refused-symbol")
    assert words in body["detail"]
    assert body["reason"] == words
    assert "retry-after" not in answer.headers
    # An older book that is no longer confirmed makes no difference.
    await written.book(EPOCH, snapshot(1), symbol="XBT/EUR", age=60)
    assert_problem(await client.get("/depth/XBT/EUR"), 404, "refused-symbol")


async def test_a_repeated_levels_is_a_400_that_names_it(
    client: httpx.AsyncClient, btc: None
) -> None:
    answer = await client.get("/depth/BTC/USD?levels=1&levels=2")
    assert assert_problem(answer, 400, "bad-parameter")["parameter"] == "levels"


async def test_what_is_no_book_costs_only_itself(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    await written.symbol("ETH/USD")
    await written.redis.set(book_key("ETH/USD"), "somebody's")
    rows = (await client.get("/books")).json()
    assert [(row["symbol"], row["seq"]) for row in rows] == [("BTC/USD", 2), ("ETH/USD", None)]
    body = assert_problem(await client.get("/depth/ETH/USD"), 503, "corrupt-book")
    assert body["key"] == book_key("ETH/USD")


# Where the books come from


@pytest.mark.parametrize(
    ("sources", "said"),
    [(["kraken"] * 2, "kraken"), (["kraken", "simulated"], "simulated"), ([], "none")],
)
async def test_answers_say_where_their_books_come_from(
    client: httpx.AsyncClient, written: Written, sources: list[str], said: str
) -> None:
    for number, source in enumerate(sources):
        await written.symbol(f"X{number}/USD", source=source)
    for path in ("/symbols", "/books"):
        assert (await client.get(path)).headers["x-book-source"] == said


# Redis away


@pytest.mark.parametrize(
    "path", ["/symbols", "/books", "/depth/BTC/USD", "/readyz", "/stream/no-symbol-at-all"]
)
async def test_without_redis_it_is_a_503_to_be_tried_again(path: str) -> None:
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    async with away.client() as client:
        answer = await client.get(path)
        body = assert_problem(answer, 503, "redis-away")
        assert answer.headers["retry-after"] == str(body["retry_after"])
        assert ("book" in body) == path.startswith("/depth")
        assert body.get("book") is None
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.process
async def test_book_that_was_found_without_the_list_is_in_the_503_while_redis_is_away() -> None:
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
async def test_books_known_here_are_in_the_503_while_redis_is_away() -> None:
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
            # A Redis that is back without its data knows less than this process.
            server.start()
            await written.symbol("BTC/USD", "syncing")
            body = assert_problem(await client.get("/depth/BTC/USD"), 503, "no-book")
            assert (body["book"]["seq"], body["book"]["status"]) == (2, "stale")
            assert body["book"]["age_ms"] >= 5_000
        await redis.aclose()


GARBAGE: list[tuple[str, str | bytes | None]] = [
    ("symbol", "ETH/USD"),
    ("status", "lively"),
    ("bids", '[["1","2"]'),
    ("bids", '[["1","2"]]}'),
    ("bids", '[["100.0","9.00000000"]]'),
    ("bids", '[["99.0","1.00000000"],["100.0","0.00000002"]]'),
    ("asks", '[[1,"2"]]'),
    ("asks", ""),
    ("bids", b'[["\xff","2"]]'),
    ("bids", "[" * 100_000),
    ("seq", str(2**70)),
    ("seq", "1e308"),
    ("seq", "9"),
    ("epoch", "now"),
    ("checksum", "-1"),
    ("checksum", "1"),
    ("price_precision", str(2**62)),
    ("qty_precision", "7"),
    ("best_bid", '"\\ \u0161\n'),
    ("best_ask_qty", "7.00000000"),
    ("spread", "0.5"),
    ("event_id", '1-1"\r\nX-Evil: 1'),
    ("event_id", "18446744073709551615-2"),
    ("stream_id", "somebody's"),
    ("stream_id", "1" * 5000 + "-1"),
    ("stream_seq", "1e308"),
    ("source", "kraken\r\nX-Evil: 1"),
    ("source", "\u0161"),
    ("depth", None),
    ("depth", str(2**62)),
]


@pytest.mark.parametrize("levels", ["", "?levels=1"])
@pytest.mark.parametrize(("field", "value"), GARBAGE)
async def test_garbage_in_a_hash_costs_its_symbol_alone_and_the_key_is_named(
    client: httpx.AsyncClient,
    written: Written,
    btc: None,
    field: str,
    value: str | bytes | None,
    levels: str,
) -> None:
    await written.symbol("ETH/USD")
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    key = book_key("BTC/USD")
    if value is None:
        await written.redis.hdel(key, field)
    else:
        await written.redis.hset(key, field, value)
    answer = await client.get(f"/depth/BTC/USD{levels}")
    body = assert_problem(answer, 503, "corrupt-book")
    assert (body["key"], body["book"]) == (key, None)
    assert f"redis-cli DEL '{key}'" in body["detail"]
    assert answer.text.isprintable()
    assert "x-evil" not in answer.headers
    garbled, other = (await client.get("/books")).json()
    assert (garbled["seq"], garbled["status"]) == (None, "syncing")
    assert (other["seq"], other["status"]) == (1, "live")
    # The command that is named repairs it, as soon as there is a book again.
    await written.redis.delete(key)
    await written.book(EPOCH, update(3))
    assert (await client.get("/depth/BTC/USD")).json()["seq"] == 3


SENSELESS_TIMES = [
    *("", "yesterday", "1e308", "+10000-01-01T00:00:00.000000Z", "10000-01-01T00:00:00.000000Z"),
    *("2026-02-31T00:00:00.000000Z", "0001-01-01T00:00:00+23:59", b"\xff", '"\r\nX-Evil: 1'),
]


@pytest.mark.parametrize("time", SENSELESS_TIMES)
async def test_a_senseless_exchange_time_costs_only_itself(
    client: httpx.AsyncClient, written: Written, btc: None, time: str | bytes
) -> None:
    await written.redis.hset(book_key("BTC/USD"), "exchange_time", time)
    answer = await client.get("/depth/BTC/USD")
    assert (answer.status_code, answer.json()["exchange_time"]) == (200, None)


@pytest.mark.parametrize("time", SENSELESS_TIMES)
async def test_a_senseless_confirmation_makes_its_book_stale_and_no_other(
    client: httpx.AsyncClient, written: Written, btc: None, time: str | bytes
) -> None:
    await written.symbol("ETH/USD")
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    await written.redis.hset(book_key("BTC/USD"), "confirmed_at", time)
    answer = await client.get("/depth/BTC/USD")
    book = assert_problem(answer, 503, "stale-book")["book"]
    assert (book["status"], book["age_ms"], book["confirmed_at"]) == ("stale", None, None)
    assert "x-book-age-ms" not in answer.headers
    rows = (await client.get("/books")).json()
    assert [(row["status"], row["age_ms"] is None) for row in rows] == [
        ("stale", True),
        ("live", False),
    ]


async def test_a_confirmation_that_is_later_than_rediss_clock_is_not_believed(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    """As if the collector had died, and then Redis's clock had gone back by an hour."""
    key = book_key("BTC/USD")
    await written.redis.hset(key, "confirmed_at", await written.ago(-3600))
    body = assert_problem(await client.get("/depth/BTC/USD"), 503, "stale-book")
    assert body["book"]["status"] == "stale"
    (row,) = (await client.get("/books")).json()
    assert (row["status"], row["age_ms"]) == ("stale", None)
    # Servers that replace each other are some milliseconds apart.
    await written.redis.hset(key, "confirmed_at", await written.ago(-0.5))
    body = (await client.get("/depth/BTC/USD")).json()
    assert (body["status"], body["age_ms"]) == ("live", 0)


async def test_what_is_no_list_of_symbols_is_named_and_books_are_served_on(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.book(EPOCH, snapshot(1))
    await written.redis.set(SYMBOLS, "somebody's")
    for path in ("/symbols", "/books", "/depth/ETH/USD"):
        body = assert_problem(await client.get(path), 503, "corrupt-symbols")
        assert body["key"] == SYMBOLS
        assert f"redis-cli DEL {SYMBOLS}" in body["detail"]
    assert (await client.get("/depth/BTC/USD")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("state", [b"{", b"\xff", b'{"status":"merry"}', b'{"x":' + b"[" * 50_000])
async def test_a_symbol_whose_state_cannot_be_read_costs_only_itself(
    client: httpx.AsyncClient, written: Written, btc: None, state: bytes
) -> None:
    await written.redis.hset(SYMBOLS, mapping={"ETH/USD": state, b"\xff/USD": state})
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    assert [row["symbol"] for row in (await client.get("/books")).json()] == ["BTC/USD"]
    assert (await client.get("/depth/ETH/USD")).status_code == 200


@pytest.mark.parametrize(
    "name", ["", "*", "A,B/USD", "A/B\ndata: {}", "EV\x1bIL/USD", "X" * 500 + "/Y"]
)
async def test_a_listed_name_that_is_no_symbol_is_named_and_not_listed(
    client: httpx.AsyncClient, replica: Replica, written: Written, btc: None, name: str
) -> None:
    state = await written.redis.hget(SYMBOLS, "BTC/USD")
    await written.redis.hset(SYMBOLS, name, state)
    assert (await client.get("/symbols")).json() == ["BTC/USD"]
    assert [row["symbol"] for row in (await client.get("/books")).json()] == ["BTC/USD"]
    assert replica.store.corrupt.get(f"{SYMBOLS} {name}") is not None


@pytest.mark.parametrize("path", ["/depth/", "/stream/", "/"])
async def test_control_characters_come_back_as_text(
    client: httpx.AsyncClient, btc: None, path: str
) -> None:
    for sent in ("%1b%5b2J", "%c2%9b2J", "%e2%80%ae", "%7f%00%0a"):
        answer = await client.get(f"{path}{sent}/USD")
        assert answer.status_code == 404
        assert answer.text.isprintable()
        assert answer.json()["instance"] == f"{path}{sent}/USD"


async def test_control_characters_in_reasons_come_as_escapes(
    client: httpx.AsyncClient, written: Written
) -> None:
    words = "no \x1b[2J, \x9b2J, \u202e or \U000e0041"
    await written.symbol("XBT/EUR", "refused", words)
    for path in ("/books", "/depth/XBT/EUR"):
        answer = await client.get(path)
        assert answer.text.isprintable()
        body = answer.json()
        assert (body[0] if path == "/books" else body)["reason"] == words


async def test_the_whole_book_has_the_members_of_one_cut_in_the_same_order(
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


# The rest


async def test_ready_while_redis_answers_and_not_draining(
    client: httpx.AsyncClient, replica: Replica
) -> None:
    assert (await client.get("/readyz")).status_code == 200
    await replica.streams.drain(0.01)
    assert_problem(await client.get("/readyz"), 503, "draining")
    assert (await client.get("/healthz")).status_code == 200


async def test_metrics_are_prometheus_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "kraken_book_requests_total" in answer.text


@pytest.mark.parametrize("path", ["/nothing", "/depth", "/page/nothing.js", "/symbols/"])
async def test_what_is_not_served_is_a_404_problem(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path, follow_redirects=True), 404, "no-such-route")


@pytest.mark.parametrize("path", ["/symbols", "/books", "/depth/BTC/USD", "/stream/BTC/USD"])
async def test_other_methods_are_a_405_that_says_which_are_served(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.post(path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == PROBLEM
    # In this order on every replica.
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json()["detail"] == "POST is not served here, only GET, HEAD"


@pytest.mark.parametrize("event_id", ["abc", "1", "1-", "-1", "1-1-1", "1-x", "\u0661-1", "1 -1"])
@pytest.mark.parametrize("where", ["header", "parameter"])
async def test_an_event_id_that_is_none_is_a_400(
    client: httpx.AsyncClient, btc: None, event_id: str, where: str
) -> None:
    if where == "header":
        if not event_id.isascii():
            event_id = "\xb2-1"
        headers = {b"Last-Event-ID": event_id.encode("latin-1")}
        answer = await client.get("/stream/BTC/USD", headers=headers)
    else:
        answer = await client.get("/stream/BTC/USD", params={"last_event_id": event_id})
    named = {"header": "Last-Event-ID", "parameter": "last_event_id"}[where]
    assert assert_problem(answer, 400, "bad-parameter")["parameter"] == named


async def test_a_stream_of_an_unknown_symbol_is_a_404(client: httpx.AsyncClient, btc: None) -> None:
    assert_problem(await client.get("/stream/NOPE/USD"), 404, "unknown-symbol")


@pytest.mark.parametrize("name", ["levels", "view", "interval", "last_event_id"])
async def test_a_repeated_parameter_of_a_stream_is_a_400_that_names_it(
    client: httpx.AsyncClient, btc: None, name: str
) -> None:
    answer = await client.head(f"/stream/BTC/USD?{name}=1&{name}=1")
    assert answer.status_code == 400
    answer = await client.get(f"/stream?symbols=BTC/USD&{name}=1&{name}=1")
    assert assert_problem(answer, 400, "bad-parameter")["parameter"] == name


def test_repeated_symbols_are_joined() -> None:
    assert asked_by("symbols=BTC/USD&symbols=eth-usd,%20sol-usd&symbols=").names == (
        *("BTC/USD", "eth-usd"),
        "sol-usd",
    )
    assert asked_by("symbols=*&symbols=*").names is None
    with pytest.raises(Problem, match="all books"):
        asked_by("symbols=*&symbols=BTC/USD")


def asked_by(query: str) -> StreamRequest:
    scope = {"type": "http", "query_string": query.encode(), "headers": [], "path_params": {}}
    return parse_stream_request(Request(scope))


async def test_the_head_of_a_stream_is_its_headers(client: httpx.AsyncClient, btc: None) -> None:
    answer = await client.head("/stream/BTC/USD")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
