"""`get_best`: the best prices of a pair over all venues, by both clients."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from api.http.operations import BEST
from api.http.spec.examples import answer_examples
from kraken_book import (
    AsyncClient,
    BestPrices,
    BookInvalid,
    UnknownSymbol,
    Unusable,
    VenueLevel,
    WrongServer,
    get_best,
)
from lab.canned_api import Answer, CannedApi, answer, problem

BODY = answer_examples()[BEST]
NEVER = "http://127.0.0.1:1"


def best_of(**members: Any) -> Answer:
    """Return the api's own example, with other members if they are given."""
    return answer(200, msgspec.json.encode(BODY | members), "content-type: application/json")


async def best_with_asyncio(url: str, pair: str) -> BestPrices:
    async with AsyncClient(url, attempts=1) as client:
        return await client.get_best(pair)


def test_best_prices_are_those_of_the_answer() -> None:
    with CannedApi(best_of(), best_of()) as api:
        best = get_best(api.url, "xbt-usd")
        assert asyncio.run(best_with_asyncio(api.url, "coinbase:BTC/USD")) == best
    assert (best.pair, best.spread, best.is_crossed) == ("BTC/USD", "1.59", False)
    assert best.bid == VenueLevel("coinbase", "coinbase:BTC/USD", "45283.61", "0.04100000")
    assert best.ask is not None
    assert best.ask.venue == "kraken"
    assert [(each.venue, each.status, each.proof) for each in best.venues] == [
        ("kraken", "live", "checksum"),
        ("coinbase", "live", "sequence"),
    ]
    assert best.venues[0].best_bid is not None
    price, _ = best.venues[0].best_bid
    assert price == "45283.5"


def test_pair_without_a_live_book_has_no_best_prices() -> None:
    nothing = {"bid": None, "ask": None, "spread": None, "is_crossed": False}
    with CannedApi(best_of(best=nothing, venues=[])) as api:
        best = get_best(api.url, "BTC/USD")
    assert (best.bid, best.ask, best.spread, best.venues) == (None, None, None, ())


def test_answer_about_another_pair_or_of_another_form_is_refused() -> None:
    unknown = problem(404, "no", ["BTC/USD"], "urn:kraken-book:unknown-symbol")
    for sent, error in (
        (best_of(pair="ETH/USD"), BookInvalid),
        (best_of(best=None), WrongServer),
        (unknown, UnknownSymbol),
    ):
        with CannedApi(sent) as api, pytest.raises(error):
            get_best(api.url, "BTC/USD", attempts=1)
    for name in ("*", "", "BTC/USD,ETH/USD"):
        with pytest.raises(Unusable):
            get_best(NEVER, name)
