"""Corrupt keys in Redis affect only their own symbol, and responses name them."""

from __future__ import annotations

import httpx
import pytest

from kraken_book.contract.keys import SYMBOLS, book_key
from lab.written_books import snapshot, update
from tests.api.http.problem_check import assert_problem
from tests.api.replica import EPOCH, Replica, Written


async def test_key_of_wrong_type_affects_only_its_book(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    await written.symbol("ETH/USD")
    await written.redis.set(book_key("ETH/USD"), "somebody's")
    rows = (await client.get("/books")).json()
    assert [(row["symbol"], row["seq"]) for row in rows] == [("BTC/USD", 2), ("ETH/USD", None)]
    body = assert_problem(await client.get("/depth/ETH/USD"), 503, "corrupt-book")
    assert body["key"] == book_key("ETH/USD")


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
async def test_garbage_in_a_hash_affects_only_its_symbol_and_names_the_key(
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
    # The named command repairs the key; then a new book is served.
    await written.redis.delete(key)
    await written.book(EPOCH, update(3))
    assert (await client.get("/depth/BTC/USD")).json()["seq"] == 3


SENSELESS_TIMES = [
    *("", "yesterday", "1e308", "+10000-01-01T00:00:00.000000Z", "10000-01-01T00:00:00.000000Z"),
    *("2026-02-31T00:00:00.000000Z", "0001-01-01T00:00:00+23:59", b"\xff", '"\r\nX-Evil: 1'),
]


@pytest.mark.parametrize("time", SENSELESS_TIMES)
async def test_invalid_exchange_time_is_null(
    client: httpx.AsyncClient, written: Written, btc: None, time: str | bytes
) -> None:
    await written.redis.hset(book_key("BTC/USD"), "exchange_time", time)
    answer = await client.get("/depth/BTC/USD")
    assert (answer.status_code, answer.json()["exchange_time"]) == (200, None)


@pytest.mark.parametrize("time", SENSELESS_TIMES)
async def test_invalid_confirmation_makes_only_its_book_stale(
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


async def test_confirmation_later_than_the_clock_of_redis_is_rejected(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    """The collector died, and then Redis's clock went back by an hour."""
    key = book_key("BTC/USD")
    await written.redis.hset(key, "confirmed_at", await written.ago(-3600))
    body = assert_problem(await client.get("/depth/BTC/USD"), 503, "stale-book")
    assert body["book"]["status"] == "stale"
    (row,) = (await client.get("/books")).json()
    assert (row["status"], row["age_ms"]) == ("stale", None)
    # The clocks of a master and its replica differ by some milliseconds.
    await written.redis.hset(key, "confirmed_at", await written.ago(-0.5))
    body = (await client.get("/depth/BTC/USD")).json()
    assert (body["status"], body["age_ms"]) == ("live", 0)


async def test_corrupt_list_of_symbols_is_named_and_books_are_served(
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
async def test_malformed_symbol_state_affects_only_its_symbol(
    client: httpx.AsyncClient, written: Written, btc: None, state: bytes
) -> None:
    await written.redis.hset(SYMBOLS, mapping={"ETH/USD": state, b"\xff/USD": state})
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    assert [row["symbol"] for row in (await client.get("/books")).json()] == ["BTC/USD"]
    assert (await client.get("/depth/ETH/USD")).status_code == 200


@pytest.mark.parametrize(
    "name", ["", "*", "A,B/USD", "A/B\ndata: {}", "EV\x1bIL/USD", "X" * 500 + "/Y"]
)
async def test_invalid_listed_name_is_recorded_and_left_out(
    client: httpx.AsyncClient, replica: Replica, written: Written, btc: None, name: str
) -> None:
    state = await written.redis.hget(SYMBOLS, "BTC/USD")
    await written.redis.hset(SYMBOLS, name, state)
    assert (await client.get("/symbols")).json() == ["BTC/USD"]
    assert [row["symbol"] for row in (await client.get("/books")).json()] == ["BTC/USD"]
    assert replica.store.corrupt.get(f"{SYMBOLS} {name}") is not None


async def test_control_characters_in_reasons_are_escaped(
    client: httpx.AsyncClient, written: Written
) -> None:
    words = "no \x1b[2J, \x9b2J, \u202e or \U000e0041"
    await written.symbol("XBT/EUR", "refused", words)
    for path in ("/books", "/depth/XBT/EUR"):
        answer = await client.get(path)
        assert answer.text.isprintable()
        body = answer.json()
        assert (body[0] if path == "/books" else body)["reason"] == words
