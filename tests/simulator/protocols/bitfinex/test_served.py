"""The simulated Bitfinex on a real port: WebSocket and REST beside each other."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulator.protocols.bitfinex.protocol import SimulatedBitfinex
from simulator.protocols.pairs import MarketOptions
from tests.simulator.helpers import DEADLINE
from tests.simulator.protocols.scene import get_json, next_json, served

LIST = "/v2/conf/pub:list:pair:exchange"


def bitfinex(*symbols: str, rate: float = 0.0) -> SimulatedBitfinex:
    return SimulatedBitfinex(MarketOptions(symbols, rate=rate))


def test_lists_have_long_names_and_a_test_pair() -> None:
    venue = bitfinex()
    (names,) = get_json(venue, LIST)
    assert {"BTCUSD", "AVAX:USD", "BTCUST", "TESTBTC:TESTUSD"} <= set(names)
    both = get_json(venue, f"{LIST},pub:info:pair")
    assert both[0] == names
    assert both[1][0][0] == names[0]
    assert get_json(venue, "/v2/platform/status") == [1]


def test_rest_book_has_bids_then_asks() -> None:
    venue = bitfinex("tBTCUSD")
    levels = get_json(venue, "/v2/book/tBTCUSD/P0?len=25")
    assert [amount > 0 for _, _, amount in levels] == [True] * 25 + [False] * 25
    assert get_json(venue, "/v2/book/tNOSUCH/P0", 500)[0] == "error"
    assert get_json(venue, "/v2/book/tBTCUSD/P0?len=26", 500)[2] == "len: invalid"


async def test_websocket_and_rest_share_a_port() -> None:
    async with served(bitfinex("tBTCUSD")) as stage, stage.client() as client:
        async with asyncio.timeout(DEADLINE):
            assert (await next_json(client))["event"] == "info"
            await client.send(
                '{"event":"subscribe","channel":"book","symbol":"tBTCUSD","len":"25"}'
            )
            assert (await next_json(client))["event"] == "subscribed"
            _, levels = await next_json(client)
        assert (await stage.http.get("/v2/book/tBTCUSD/P0?len=25")).json() == levels


async def test_maintenance_keeps_connections_and_refuses_rest() -> None:
    async with served(bitfinex("tBTCUSD")) as stage, stage.client() as client:
        stage.do("maintenance?seconds=60")
        async with asyncio.timeout(DEADLINE):
            assert (await next_json(client))["event"] == "info"
            assert (await next_json(client))["code"] == 20060
            async with stage.client() as another:
                assert (await next_json(another))["platform"] == {"status": 0}
        assert (await stage.http.get(LIST)).json() == ["error", 20060, "maintenance"]
        assert (await stage.http.get("/v2/platform/status")).json() == [0]


async def test_restart_closes_after_the_announcement() -> None:
    async with served(bitfinex("tBTCUSD")) as stage, stage.client() as client:
        stage.do("restart?delay=0.01")
        async with asyncio.timeout(DEADLINE):
            assert (await next_json(client))["event"] == "info"
            assert (await next_json(client))["code"] == 20051
            with pytest.raises(ConnectionClosed):
                await client.recv()


async def test_limits_refuse_the_twenty_first_connection_of_a_minute() -> None:
    async with served(bitfinex("tBTCUSD")) as stage:
        stage.do("limits?seconds=60")
        for _ in range(20):
            async with stage.client():
                pass
        with pytest.raises(InvalidStatus):
            await stage.client()
        stage.do("rest_limit?seconds=60")
        assert (await stage.http.get(LIST)).json() == {"error": "ERR_RATE_LIMIT"}


async def test_faults_name_a_pair_in_any_spelling() -> None:
    async with served(bitfinex("AVAX:USD")) as stage:
        for symbol in ("AVAX:USD", "tAVAX:USD", "AVAX/USD", "bitfinex:AVAX/USD"):
            stage.do(f"swallow?symbol={symbol}")
        stage.do("pair_status?symbol=AVAX/USD&status=delisted")
        assert (await stage.http.get(LIST)).json() == [[]]
