"""The lists of symbols and books: /symbols and /books."""

from __future__ import annotations

import httpx
import pytest

from lab.written_books import snapshot, update
from tests.api.replica import EPOCH, MAX_AGE, Written


async def test_symbols_has_acknowledged_symbols_sorted(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("ETH/USD", "syncing")
    await written.symbol("XBT/EUR", "refused", "Currency pair not supported XBT/EUR")
    await written.symbol("BTC/USD", "live")
    await written.symbol("SOL/USD", "asked")
    answer = await client.get("/symbols")
    assert answer.text == '["BTC/USD","ETH/USD"]'
    assert answer.headers["content-type"] == "application/json"


async def test_symbols_and_books_are_empty_without_collector(client: httpx.AsyncClient) -> None:
    assert (await client.get("/symbols")).text == "[]"
    assert (await client.get("/books")).text == "[]"


async def test_books_has_a_row_for_every_configured_symbol(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    await written.symbol("XBT/EUR", "refused", "Currency pair not supported XBT/EUR")
    await written.symbol("ETH/USD", "syncing")
    rows = (await client.get("/books")).json()
    assert [row["symbol"] for row in rows] == ["BTC/USD", "ETH/USD", "XBT/EUR"]
    assert {" ".join(row) for row in rows} == {
        "symbol status reason source proof age_ms best_bid best_ask spread seq epoch"
    }
    live, syncing, refused = rows
    assert 0 <= live.pop("age_ms") < MAX_AGE * 1000
    assert live == {
        "symbol": "BTC/USD",
        "status": "live",
        "reason": None,
        "source": "simulated",
        "proof": "checksum",
        "best_bid": {"price": "100.0", "qty": "0.00000002"},
        "best_ask": {"price": "101.0", "qty": "2.00000000"},
        "spread": "1.0",
        "seq": 2,
        "epoch": EPOCH,
    }
    nulls = dict.fromkeys(("age_ms", "best_bid", "best_ask", "spread", "seq", "epoch"))
    assert syncing == {
        **nulls,
        "symbol": "ETH/USD",
        "status": "syncing",
        "reason": None,
        "source": "simulated",
        "proof": "checksum",
    }
    assert refused == {
        **nulls,
        "symbol": "XBT/EUR",
        "status": "refused",
        "reason": "Currency pair not supported XBT/EUR",
        "source": "simulated",
        "proof": "checksum",
    }


async def test_books_row_of_refused_symbol_ignores_its_old_book(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.book(EPOCH, snapshot(1), symbol="OLD/USD")
    await written.symbol("OLD/USD", "refused", "delisted")
    (row,) = (await client.get("/books")).json()
    values = [row[name] for name in ("age_ms", "best_bid", "best_ask", "spread", "seq")]
    assert values == [None] * 5


async def test_books_row_of_old_live_book_is_stale(
    client: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("BTC/USD")
    await written.book(EPOCH, snapshot(1), age=60)
    (row,) = (await client.get("/books")).json()
    assert row["status"] == "stale"
    assert row["age_ms"] >= 60_000


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (["kraken"] * 2, "kraken"),
        (["kraken", "simulated"], "simulated"),
        (["replay"], "replay"),
        ([], "none"),
    ],
)
async def test_responses_name_the_source_of_their_books(
    client: httpx.AsyncClient, written: Written, sources: list[str], said: str
) -> None:
    for number, source in enumerate(sources):
        await written.symbol(f"X{number}/USD", source=source)
    for path in ("/symbols", "/books"):
        assert (await client.get(path)).headers["x-book-source"] == said


@pytest.mark.parametrize("path", ["/symbols", "/books"])
async def test_list_that_has_not_changed_is_a_304(
    client: httpx.AsyncClient, written: Written, btc: None, path: str
) -> None:
    first = await client.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await client.get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["x-book-source"] == "simulated"
    other = await client.get(path, headers={"If-None-Match": 'W/"other"'})
    assert other.status_code == 200


async def test_tag_of_books_changes_with_a_book_and_not_with_its_age(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    first = await client.get("/books")
    await written.touch(EPOCH, 2, age=5.0)
    aged = await client.get("/books")
    assert aged.json()[0]["age_ms"] > first.json()[0]["age_ms"]
    assert aged.headers["etag"] == first.headers["etag"]
    await written.book(EPOCH, update(3))
    changed = await client.get("/books", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_tag_of_books_changes_when_a_book_becomes_stale(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    live = await client.get("/books")
    await written.touch(EPOCH, 2, age=60.0)
    stale = await client.get("/books", headers={"If-None-Match": live.headers["etag"]})
    assert (stale.status_code, stale.json()[0]["status"]) == (200, "stale")
