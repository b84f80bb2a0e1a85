"""The simulated Coinbase on a real port: WebSocket and REST beside each other."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulator.faults.kinds import FaultError
from simulator.faults.text import parse_fault
from simulator.protocols.coinbase.protocol import SimulatedCoinbase
from simulator.protocols.pairs import MarketOptions
from tests.simulator.helpers import DEADLINE
from tests.simulator.protocols.scene import get_json, next_json, served

PRODUCTS = "/api/v3/brokerage/market/products"
BOOK = "/api/v3/brokerage/market/product_book"


def coinbase(*symbols: str, rate: float = 0.0, seconds: float = 5.0) -> SimulatedCoinbase:
    options = MarketOptions(symbols, rate=rate)
    return SimulatedCoinbase(options, first_subscription_seconds=seconds)


def test_products_have_increments_states_and_aliases() -> None:
    venue = coinbase()
    products = {each["product_id"]: each for each in get_json(venue, PRODUCTS)["products"]}
    assert products["BTC-USD"]["price_increment"] == "0.01"
    assert products["BTC-USD"]["base_increment"] == "0.00000001"
    assert products["SHIB-USD"]["base_increment"] == "1"
    assert products["BTC-USD"]["alias_to"] == ["BTC-USDC"]
    assert products["BTC-USDC"]["alias"] == "BTC-USD"
    assert get_json(venue, f"{PRODUCTS}/BTC-USD") == products["BTC-USD"]
    assert get_json(venue, f"{PRODUCTS}/NO-NE", 404)["error"] == "NOT_FOUND"
    assert len(get_json(venue, f"{PRODUCTS}?limit=3&offset=1")["products"]) == 3


async def test_rest_and_websocket_share_a_port_and_show_the_same_book() -> None:
    async with served(coinbase("BTC/USD")) as stage, stage.client() as client:
        await client.send('{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}')
        async with asyncio.timeout(DEADLINE):
            updates = (await next_json(client))["events"][0]["updates"]
        book = (await stage.http.get(BOOK, params={"product_id": "BTC-USD", "limit": 5})).json()
        bids = [each for each in updates if each["side"] == "bid"][:5]
        assert [each["price"] for each in book["pricebook"]["bids"]] == [
            each["price_level"] for each in bids
        ]
        assert (await stage.http.get("/nowhere")).status_code == 404
        assert (await stage.http.get("/healthz")).text == "ok\n"
        assert [each.path for each in stage.simulator.request_log.rest] == [
            f"{BOOK}?product_id=BTC-USD&limit=5",
            "/nowhere",
        ]


async def test_connection_without_subscription_is_closed() -> None:
    async with served(coinbase("BTC/USD", seconds=0.05)) as stage, stage.client() as client:
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(DEADLINE):
                await client.recv()


async def test_rest_faults_are_answers_with_their_status() -> None:
    async with served(coinbase("BTC/USD")) as stage:
        for fault, status, waits in (
            ("rest_error?seconds=60&status=502", 502, False),
            ("rest_limit?seconds=60", 429, True),
            ("ban?seconds=60", 429, True),
        ):
            stage.do(fault)
            answer = await stage.http.get(PRODUCTS)
            assert answer.status_code == status
            assert ("retry-after" in answer.headers) == waits
            stage.simulator.active_faults.clear()
        stage.do("slow_rest?delay=0.01&seconds=60")
        assert (await stage.http.get(PRODUCTS)).status_code == 200


async def test_limits_refuse_the_ninth_connection_of_a_second() -> None:
    async with served(coinbase("BTC/USD")) as stage:
        stage.do("limits?seconds=60")
        connecting = (stage.client() for _ in range(200))
        with pytest.raises(InvalidStatus) as refused:
            await asyncio.gather(*connecting)
        assert refused.value.response.status_code == 429


async def test_limits_answer_too_many_messages_with_errors() -> None:
    async with served(coinbase("BTC/USD")) as stage, stage.client() as client:
        stage.do("limits?seconds=60")
        for _ in range(20):
            await client.send('{"type":"subscribe","channel":"heartbeats"}')
        async with asyncio.timeout(DEADLINE):
            while (await next_json(client)).get("message") != "rate limit exceeded":
                pass


async def test_maintenance_closes_and_refuses_connections() -> None:
    async with served(coinbase("BTC/USD")) as stage, stage.client() as client:
        stage.do("maintenance?seconds=60")
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(DEADLINE):
                await client.recv()
        with pytest.raises(InvalidStatus):
            await stage.client()
        assert (await stage.http.get(PRODUCTS)).status_code == 503


async def test_fault_that_coinbase_cannot_have_is_refused_by_name() -> None:
    async with served(coinbase("BTC/USD")) as stage:
        with pytest.raises(FaultError, match="coinbase has no fault 'corrupt': use one of swallow"):
            stage.do("corrupt?symbol=BTC/USD")
        with pytest.raises(FaultError, match="status=reduce_only: coinbase has auction_mode"):
            stage.do("pair_status?symbol=BTC/USD&status=reduce_only")


async def test_fault_names_a_symbol_in_any_spelling() -> None:
    async with served(coinbase("BTC/USD")) as stage:
        for symbol in ("BTC-USD", "BTC/USD", "coinbase:BTC/USD", "BTC-USDC"):
            stage.do(f"swallow?symbol={symbol}")


def test_wrong_symbol_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a symbol"):
        coinbase("btc;usd")


def test_status_of_a_pair_is_in_its_product() -> None:
    venue = coinbase("BTC/USD")
    for status, field in (
        ("cancel_only", "cancel_only"),
        ("delisted", "is_disabled"),
        ("maintenance", "trading_disabled"),
        ("auction_mode", "auction_mode"),
    ):
        fault = parse_fault("pair_status", f"symbol=BTC/USD&status={status}")
        venue.exchange.inject(fault)  # type: ignore[arg-type]
        assert json.loads(json.dumps(get_json(venue, f"{PRODUCTS}/BTC-USD")))[field] is True
