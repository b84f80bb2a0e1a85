"""The control port beside each venue: books in every spelling, and the venue's own faults."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from simulator.control import controlled
from simulator.injector import FaultInjector
from simulator.protocols.binance.protocol import SimulatedBinance
from simulator.protocols.bitfinex.protocol import SimulatedBitfinex
from simulator.protocols.coinbase.protocol import SimulatedCoinbase
from simulator.protocols.pairs import MarketOptions
from simulator.server import Simulator

VENUES = [
    (SimulatedCoinbase, "ETH/EUR", ("ETH-EUR",)),
    (SimulatedBinance, "ETH/EUR", ("ETHEUR", "etheur")),
    (SimulatedBitfinex, "AVAX/USD", ("AVAX:USD", "tAVAX:USD")),
]


async def asked(venue: Any, *requests: tuple[str, str]) -> list[httpx.Response]:
    async with (
        Simulator(venue) as simulator,
        controlled(simulator, FaultInjector(simulator, venue), "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, verify=False) as http,
    ):
        return [await http.request(method, path) for method, path in requests]


@pytest.mark.parametrize(("kind", "symbol", "names"), VENUES)
async def test_book_is_found_in_every_spelling(
    kind: Any, symbol: str, names: tuple[str, ...]
) -> None:
    venue = kind(MarketOptions(rate=0.0))
    spellings = (symbol, f"{venue.name}:{symbol}", *names)
    answers = await asked(
        venue,
        *(("GET", f"/book?symbol={each}&depth=3") for each in spellings),
        ("GET", f"/books/{symbol}?depth=3"),
    )
    books = [answer.json() for answer in answers]
    assert all(book == books[0] for book in books)
    assert books[0]["symbol"] == symbol
    assert len(books[0]["bids"]) == len(books[0]["asks"]) == 3
    assert Decimal(books[0]["bids"][0][0]) < Decimal(books[0]["asks"][0][0])


@pytest.mark.parametrize(("kind", "symbol", "names"), VENUES)
async def test_faults_are_those_of_the_venue(
    kind: Any, symbol: str, names: tuple[str, ...]
) -> None:
    venue = kind(MarketOptions(rate=0.0))
    listed, refused, unknown, depth = await asked(
        venue,
        ("GET", "/faults"),
        ("POST", "/faults/status?system=maintenance"),
        ("GET", "/book?symbol=NO/NE"),
        ("GET", f"/book?symbol={symbol}&depth=0"),
    )
    assert "status" not in {each["name"] for each in listed.json()["faults"]}
    assert refused.status_code == 404
    assert f"{venue.name} has no fault 'status': use one of" in refused.json()["error"]
    assert unknown.status_code == 404
    assert "it takes a number of levels" in depth.json()["error"]


@pytest.mark.parametrize(("kind", "symbol", "names"), VENUES)
async def test_each_fault_of_the_venue_can_be_injected_and_lifted(
    kind: Any, symbol: str, names: tuple[str, ...]
) -> None:
    values = {
        "symbol": symbol,
        "seconds": "60",
        "delay": "0.01",
        "status": "delisted",
        "price": "3",
        "qty": "5",
        "kind": "text",
    }
    venue = kind(MarketOptions(rate=0.0))
    (listed,) = await asked(venue, ("GET", "/faults"))
    faults = {
        fault["name"]: "&".join(
            f"{each['name']}={values[each['name']]}"
            for each in fault["parameters"]
            if each["required"] or each["name"] == "symbol"
        )
        for fault in listed.json()["faults"]
    }
    faults["refuse_connections"] = "seconds=60"
    faults["list"] = "symbol=NEW/USD" if "/USD" in symbol else "symbol=NEW/EUR"
    answers = await asked(
        kind(MarketOptions(rate=0.0)),
        *(("POST", f"/faults/{name}?{query}") for name, query in faults.items()),
        ("DELETE", "/faults"),
        ("GET", "/faults"),
    )
    assert [answer.text for answer in answers if answer.status_code != 200] == []
    assert len(answers[-2].json()["lifted"]) > 10
    assert answers[-1].json()["on"] == []
