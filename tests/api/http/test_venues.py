"""Requests for books of several venues, in all spellings."""

from __future__ import annotations

import httpx
import pytest

from api.delivery.stream_start import StreamRequest
from api.http.problems import Problem
from kraken_book.access_keys import MAX_WILDCARDS
from kraken_book.selection import parse_selection
from lab.written_books import snapshot, update
from tests.api.http.problem_check import assert_problem
from tests.api.http.test_parameters import asked_by
from tests.api.replica import EPOCH, Written

SYMBOLS = ("BTC/USD", "binance:BTC/USDT", "coinbase:BTC/USD")


@pytest.fixture
async def venues(written: Written) -> None:
    """Write a live book of each symbol at seq 2."""
    for symbol in SYMBOLS:
        await written.symbol(symbol, source="kraken" if symbol == "BTC/USD" else symbol[:7])
        await written.book(EPOCH, snapshot(1), update(2), symbol=symbol)


@pytest.mark.parametrize(
    "name",
    [
        "binance:BTC/USDT",
        "binance:BTC%2FUSDT",
        "binance%3ABTC%2FUSDT",
        "binance:btc-usdt",
        "BINANCE:BTC/USDT",
        "binance:btcusdt",
    ],
)
async def test_book_of_a_venue_is_found_by_its_spellings(
    client: httpx.AsyncClient, venues: None, name: str
) -> None:
    for path in ("depth", "events"):
        answer = await client.get(f"/{path}/{name}")
        assert (answer.status_code, answer.json()["symbol"]) == (200, "binance:BTC/USDT")
    assert (await client.head(f"/stream/{name}")).status_code == 200
    assert (await client.head(f"/stream?symbols={name},BTC/USD")).status_code == 200


@pytest.mark.parametrize("name", ["kraken:BTC/USD", "KRAKEN:xbt-usd", "btc:usd"])
async def test_venue_of_kraken_may_be_named(
    client: httpx.AsyncClient, venues: None, name: str
) -> None:
    assert (await client.get(f"/depth/{name}")).json()["symbol"] == "BTC/USD"


async def test_lists_have_the_symbols_of_all_venues(
    client: httpx.AsyncClient, venues: None
) -> None:
    answer = await client.get("/symbols")
    assert answer.json() == list(SYMBOLS)
    assert answer.headers["x-book-source"] == "binance,coinbas,kraken"
    rows = (await client.get("/books")).json()
    assert [(row["symbol"], row["status"], row["proof"]) for row in rows] == [
        (symbol, "live", "checksum") for symbol in SYMBOLS
    ]


async def test_unknown_symbol_suggests_the_pair_at_other_venues(
    client: httpx.AsyncClient, venues: None
) -> None:
    body = assert_problem(await client.get("/depth/BTC/USDT"), 404, "unknown-symbol")
    assert body["symbols"] == ["binance:BTC/USDT", "BTC/USD"]
    assert "did you mean binance:BTC/USDT or BTC/USD?" in body["detail"]
    body = assert_problem(await client.get("/depth/bitfinex:btc-usd"), 404, "unknown-symbol")
    assert body["symbols"] == ["BTC/USD", "coinbase:BTC/USD"]


async def test_refusal_names_the_venue(client: httpx.AsyncClient, written: Written) -> None:
    await written.symbol("binance:OLD/USDT", "refused", "Invalid symbol.")
    body = assert_problem(await client.get("/depth/binance:OLD/USDT"), 404, "refused-symbol")
    assert body["detail"] == "Binance refuses binance:OLD/USDT: Invalid symbol."


async def test_waiting_book_names_the_venue(client: httpx.AsyncClient, written: Written) -> None:
    await written.symbol("binance:BTC/USDT", "asked")
    body = assert_problem(await client.get("/depth/binance:BTC/USDT"), 503, "no-book")
    assert "Binance was asked for this book" in body["detail"]


async def test_only_the_venue_without_confirmations_is_stale(
    client: httpx.AsyncClient, venues: None, written: Written
) -> None:
    await written.book(EPOCH, update(3), symbol="binance:BTC/USDT", age=60.0)
    body = assert_problem(await client.get("/depth/binance:BTC/USDT"), 503, "stale-book")
    assert "last confirmed to match Binance" in body["detail"]
    rows = (await client.get("/books")).json()
    assert [row["status"] for row in rows] == ["live", "stale", "live"]


async def test_book_without_the_set_and_the_list_is_found_by_name(
    client: httpx.AsyncClient, venues: None, written: Written
) -> None:
    await written.redis.delete("kraken-book:venues", "binance:symbols")
    assert (await client.get("/depth/binance:btc-usdt")).status_code == 200


def asked(symbols: str) -> StreamRequest:
    return asked_by(f"symbols={symbols}")


def test_wildcards_and_exclusions_are_parsed_beside_names() -> None:
    request = asked("btc-usd,coinbase:*,*:ETH/*,!COINBASE:doge-usd")
    assert request.names == ("btc-usd",)
    wildcards = parse_selection("coinbase:*,*:ETH/*,!coinbase:DOGE/USD")
    assert request.wildcards == wildcards.normalized()
    assert asked("*,!binance:*").names == ()
    assert asked("*").wildcards is None
    assert asked("*").names is None


@pytest.mark.parametrize(
    ("symbols", "wrong"),
    [
        ("*,BTC/USD", "all books"),
        ("b*:BTC/USD", "is no symbol"),
        ("BTC/USD,!ETH/USD", "name at least one symbol"),
        (",".join(["*/USD"] * (MAX_WILDCARDS + 1)), "101 wildcards"),
    ],
)
def test_invalid_wildcards_are_refused(symbols: str, wrong: str) -> None:
    with pytest.raises(Problem, match=wrong):
        asked(symbols)
