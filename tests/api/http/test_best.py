"""/best: one pair side by side over its venues, and the best prices over the live ones."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.http.answers import VenueBook
from api.http.best import best_of_venues
from kraken_book.level import Best
from lab.written_books import snapshot, status, update
from tests.api.http.problem_check import assert_problem
from tests.api.replica import EPOCH, Written


@pytest.fixture
async def venues(written: Written) -> None:
    """Write live books of BTC/USD at Kraken and Coinbase, and of BTC/USDT and BTC/UST elsewhere.

    Their best bid is 100.0, of which Coinbase has more; their best ask is 101.0.
    """
    for symbol, seq in (
        ("BTC/USD", 2),
        ("coinbase:BTC/USD", 5),
        ("binance:BTC/USDT", 9),
        ("bitfinex:BTC/UST", 9),
    ):
        await written.symbol(symbol)
        await written.book(EPOCH, snapshot(seq), symbol=symbol)


def statuses(body: dict[str, Any]) -> dict[str, str]:
    return {each["venue"]: each["status"] for each in body["venues"]}


@pytest.mark.parametrize(
    "name",
    ["BTC/USD", "BTC%2FUSD", "btc-usd", "BTCUSD", "xbt/usd", "coinbase:btc-usd", "kraken:BTC/USD"],
)
async def test_books_of_the_same_pair_are_side_by_side(
    client: httpx.AsyncClient, venues: None, name: str
) -> None:
    answer = await client.get(f"/best/{name}")
    body = answer.json()
    assert (body["pair"], answer.headers["x-book-source"]) == ("BTC/USD", "simulated")
    assert [each["symbol"] for each in body["venues"]] == ["BTC/USD", "coinbase:BTC/USD"]
    assert statuses(body) == {"kraken": "live", "coinbase": "live"}
    assert all(each["proof"] == "checksum" and each["age_ms"] >= 0 for each in body["venues"])
    assert body["best"] == {
        # Of equal prices the one with more quantity, then that of the first venue.
        "bid": {
            "venue": "coinbase",
            "symbol": "coinbase:BTC/USD",
            "price": "100.0",
            "qty": "0.00000005",
        },
        "ask": {"venue": "kraken", "symbol": "BTC/USD", "price": "101.0", "qty": "2.00000000"},
        "spread": "1.0",
        "is_crossed": False,
    }


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTC/USDT", "binance:BTC/USDT"),
        ("btcusdt", "binance:BTC/USDT"),
        ("BTC/UST", "bitfinex:BTC/UST"),
    ],
)
async def test_quotes_are_never_mixed(
    client: httpx.AsyncClient, venues: None, name: str, symbol: str
) -> None:
    body = (await client.get(f"/best/{name}")).json()
    assert [each["symbol"] for each in body["venues"]] == [symbol]
    assert body["best"]["bid"]["symbol"] == symbol


async def test_book_that_is_not_live_is_listed_and_left_out_of_best(
    client: httpx.AsyncClient, venues: None, written: Written
) -> None:
    await written.book(EPOCH, update(6), symbol="coinbase:BTC/USD", age=60.0)
    body = (await client.get("/best/BTC/USD")).json()
    assert statuses(body) == {"kraken": "live", "coinbase": "stale"}
    assert body["venues"][1]["best_bid"]["price"] == "100.0"
    assert body["best"]["bid"]["venue"] == "kraken"


async def test_pair_without_a_live_book_has_no_best_prices(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("BTC/USD", "refused", "no more")
    await written.symbol("coinbase:BTC/USD", "syncing", "checksum")
    await written.status(EPOCH, status(1), symbol="coinbase:BTC/USD")
    answer = await client.get("/best/BTC/USD")
    body = answer.json()
    assert answer.status_code == 200
    assert statuses(body) == {"kraken": "refused", "coinbase": "syncing"}
    assert [each["reason"] for each in body["venues"]] == ["no more", "checksum"]
    assert body["best"] == {"bid": None, "ask": None, "spread": None, "is_crossed": False}


async def test_book_that_its_list_lacks_is_found(
    client: httpx.AsyncClient, venues: None, written: Written
) -> None:
    await written.redis.hdel("coinbase:symbols", "BTC/USD")
    body = (await client.get("/best/btc-usd")).json()
    assert statuses(body) == {"kraken": "live", "coinbase": "live"}
    assert body["venues"][1]["source"] == "simulated"


async def test_unknown_pair_suggests_pairs_that_a_venue_has(
    client: httpx.AsyncClient, venues: None
) -> None:
    body = assert_problem(await client.get("/best/BTC/EUR"), 404, "unknown-symbol")
    assert body["symbols"] == ["BTC/USD", "BTC/USDT", "BTC/UST"]
    body = assert_problem(await client.get("/best/BCT/UST"), 404, "unknown-symbol")
    assert body["symbols"][0] == "BTC/UST"
    for name in ("nothing", "A" * 500, "a/b/c", "binance:"):
        assert_problem(await client.get(f"/best/{name}"), 404, "unknown-symbol")
    assert_problem(await client.get("/best"), 404, "no-such-route")


async def test_pair_before_any_collector_is_a_503(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/best/BTC/USD"), 503, "no-symbols")


async def test_unchanged_prices_are_not_sent_again(
    client: httpx.AsyncClient, venues: None, written: Written
) -> None:
    etag = (await client.get("/best/BTC/USD")).headers["etag"]
    unchanged = {"If-None-Match": etag}
    answer = await client.get("/best/btcusd", headers=unchanged)
    assert (answer.status_code, answer.content) == (304, b"")
    await written.book(EPOCH, update(6), symbol="coinbase:BTC/USD")
    assert (await client.get("/best/BTC/USD", headers=unchanged)).status_code == 200


def book(venue: str, bid: str | None, ask: str | None, status: Any = "live") -> VenueBook:
    """Return a book with a quantity of 1 at its best prices."""
    return VenueBook(
        venue=venue,
        symbol=f"{venue}:BTC/USD",
        status=status,
        reason=None,
        source=venue,
        proof="sequence",
        age_ms=1,
        best_bid=Best(bid, "1") if bid else None,
        best_ask=Best(ask, "1") if ask else None,
        spread=None,
        seq=1,
        epoch=EPOCH,
    )


def test_prices_of_different_decimals_are_compared_exactly() -> None:
    # As floats, both bids are 0.1, and both asks 9007199254740993.
    best = best_of_venues(
        [
            book("one", "0.1", "9007199254740993.0000"),
            book("two", "0.10000000000000000001", "9007199254740992.9"),
        ]
    )
    assert best.bid
    assert best.ask
    assert (best.bid.venue, best.ask.venue) == ("two", "two")
    assert best.spread == "9007199254740992.79999999999999999999"
    best = best_of_venues([book("one", "9.5", None), book("two", "10.25", None)])
    assert best.bid
    assert best.bid.venue == "two"


@pytest.mark.parametrize(
    ("bid", "ask", "spread", "is_crossed"),
    [
        ("100.0", "100.01", "0.01", False),
        ("100.0", "100.00", "0.00", True),
        ("100.02", "100.0", "-0.02", True),
    ],
)
def test_books_of_two_venues_may_cross(bid: str, ask: str, spread: str, is_crossed: bool) -> None:
    best = best_of_venues([book("one", bid, "200"), book("two", "1", ask)])
    assert (best.spread, best.is_crossed) == (spread, is_crossed)


@pytest.mark.parametrize("status", ["stale", "syncing", "asked", "refused"])
def test_prices_of_other_statuses_do_not_count(status: Any) -> None:
    best = best_of_venues([book("one", "300", "1", status), book("two", "10", None)])
    assert best.bid
    assert (best.bid.venue, best.ask, best.spread, best.is_crossed) == ("two", None, None, False)
