"""/quote: exact figures of a market order, with the position and the age of the book."""

from __future__ import annotations

import httpx
import pytest

from lab.written_books import snapshot, status
from tests.api.http.problem_check import assert_problem
from tests.api.replica import EPOCH, Written


async def test_quote_takes_levels_from_the_best_until_the_quantity_is_filled(
    client: httpx.AsyncClient, written: Written, btc: None
) -> None:
    answer = await client.get("/quote/BTC/USD?side=buy&qty=3.5")
    assert answer.headers["x-book-source"] == "simulated"
    assert answer.headers["x-book-age-ms"] == str(answer.json()["age_ms"])
    body = answer.json()
    assert (body["symbol"], body["status"], body["source"]) == ("BTC/USD", "live", "simulated")
    assert (body["epoch"], body["seq"], body["event_id"]) == (EPOCH, 2, (await written.ids())[-1])
    # 2 at 101.0 and 1.5 at 102.5
    assert {name: body[name] for name in ("side", "qty", "filled", "unfilled", "levels")} == {
        "side": "buy",
        "qty": "3.5",
        "filled": "3.50000000",
        "unfilled": "0.00000000",
        "levels": 2,
    }
    assert (body["total"], body["worst"]) == ("355.750000000", "102.5")
    assert body["average"] == "101.6428571428571428571428571"


async def test_quote_of_more_than_the_book_says_what_is_unfilled(
    client: httpx.AsyncClient, btc: None
) -> None:
    body = (await client.get("/quote/btcusd?side=sell&qty=4")).json()
    # 0.00000002 at 100.0 and 1 at 99.0
    assert (body["filled"], body["unfilled"]) == ("1.00000002", "2.99999998")
    assert (body["worst"], body["levels"]) == ("99.0", 2)
    assert body["total"] == "99.000002000"


@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ("qty=1", "side", "missing; give side=buy or side=sell"),
        ("side=buy", "qty", "missing; give a quantity"),
        ("side=Buy&qty=1", "side", "use 'buy' (takes asks) or 'sell' (takes bids)"),
        ("side=buy&qty=0", "qty", "not above 0"),
        ("side=buy&qty=-1", "qty", "not above 0"),
        ("side=buy&qty=one", "qty", "use a number such as '1.5'"),
        ("side=buy&qty=nan", "qty", "use a number"),
        ("side=buy&qty=1e3", "qty", "no plain decimal"),
        ("side=buy&qty=%D9%A1", "qty", "use a number"),
        (f"side=buy&qty={'1' * 41}", "qty", "more than 40 digits"),
        (f"side=buy&qty={'1' * 5000}", "qty", "use a number"),
        ("side=buy&qty=1&qty=1", "qty", "given 2 times"),
        ("side=buy&qty=1&amount=1", "amount", "the parameters here are side, qty"),
        ("side=buy&quantity=1", "quantity", "the parameters here are side, qty"),
        ("sid=buy&qty=1", "sid", "did you mean side?"),
    ],
)
async def test_wrong_parameter_of_quote_is_a_400_that_says_what_is_right(
    client: httpx.AsyncClient, btc: None, query: str, parameter: str, words: str
) -> None:
    answer = await client.get(f"/quote/BTC/USD?{query}")
    body = assert_problem(answer, 400, "bad-parameter")
    assert body["parameter"] == parameter
    assert words in body["detail"]


async def test_quote_needs_a_current_book_as_depth_does(
    client: httpx.AsyncClient, written: Written
) -> None:
    path = "/quote/BTC/USD?side=buy&qty=1"
    assert_problem(await client.get(path), 503, "no-symbols")
    await written.symbol("BTC/USD", "syncing", "checksum")
    await written.status(EPOCH, status(1))
    assert assert_problem(await client.get(path), 503, "no-book")["book"] is None
    await written.book(EPOCH, snapshot(7), age=60)
    answer = await client.get(path)
    body = assert_problem(answer, 503, "stale-book")
    assert (body["book"]["seq"], body["book"]["status"]) == (7, "stale")
    assert answer.headers["retry-after"] == "1"
    assert_problem(await client.get("/quote/NOPE/USD?side=buy&qty=1"), 404, "unknown-symbol")
