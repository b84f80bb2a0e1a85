"""REST of the simulated Binance: the list, snapshots, weights and faults."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulator.faults.kinds import FaultError
from simulator.protocols.binance.protocol import SimulatedBinance
from simulator.protocols.binance.weights import WeightMeter
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.rest import RestCall
from tests.simulator.helpers import DEADLINE
from tests.simulator.protocols.scene import get_json, next_json, served


def binance(*symbols: str, rate: float = 0.0, weight: int | None = None) -> SimulatedBinance:
    return SimulatedBinance(MarketOptions(symbols, rate=rate, rest_weight=weight))


def test_exchange_info_has_ticks_steps_and_states() -> None:
    venue = binance()
    info = get_json(venue, "/api/v3/exchangeInfo")
    assert info["rateLimits"][0]["limit"] == 6000
    symbols = {each["symbol"]: each for each in info["symbols"]}
    filters = {each["filterType"]: each for each in symbols["BTCUSDT"]["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00001000"
    assert symbols["BTCUSDT"]["status"] == "TRADING"
    assert any(not name.isascii() for name in symbols)
    one = get_json(venue, "/api/v3/exchangeInfo?symbol=ETHBTC")["symbols"]
    assert [each["baseAsset"] for each in one] == ["ETH"]
    some = get_json(venue, '/api/v3/exchangeInfo?symbols=["ETHBTC","BTCUSDT"]')["symbols"]
    assert [each["symbol"] for each in some] == ["ETHBTC", "BTCUSDT"]


def test_depth_has_levels_with_eight_decimals() -> None:
    book = get_json(binance("BTCUSDT"), "/api/v3/depth?symbol=BTCUSDT&limit=7")
    assert len(book["bids"]) == len(book["asks"]) == 7
    assert all(len(text.partition(".")[2]) == 8 for level in book["bids"] for text in level)
    assert get_json(binance(), "/api/v3/depth?symbol=NONE", 400)["code"] == -1121
    assert get_json(binance(), "/api/v3/depth?symbol=BTCUSDT&limit=x", 400)["code"] == -1100


@pytest.mark.parametrize(
    ("limit", "weight"), [(1, 5), (100, 5), (101, 25), (1000, 50), (1001, 250), (9999, 250)]
)
def test_depth_weighs_as_much_as_its_limit(limit: int, weight: int) -> None:
    answer = binance("BTCUSDT").answer(
        RestCall.parse(f"/api/v3/depth?symbol=BTCUSDT&limit={limit}")
    )
    assert answer is not None
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_weight_meter_refuses_then_bans_and_forgets_after_a_minute() -> None:
    now = 6000.0
    meter = WeightMeter(100, clock=lambda: now)
    assert [meter.take(50).status for _ in range(3)] == [200, 200, 429]
    assert meter.take(1).retry_after == 60.0
    assert {meter.take(1).status for _ in range(8)} == {429}
    assert meter.take(1).status == 418
    now += 61
    assert meter.take(1).status == 418, "a ban lasts longer than the minute"
    now += 60
    assert meter.take(1).status == 200


async def test_weight_is_refused_with_retry_after() -> None:
    async with served(binance("BTCUSDT", weight=30)) as stage:
        target = "/api/v3/depth?symbol=BTCUSDT&limit=500"
        assert (await stage.http.get(target)).status_code == 200
        refused = await stage.http.get(target)
        assert refused.status_code in {200, 429}, "a minute may have ended"
        refused = await stage.http.get(target)
        if refused.status_code == 429:
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            assert refused.json()["code"] == -1003


async def test_rest_faults_of_binance() -> None:
    async with served(binance("BTCUSDT")) as stage:
        target = "/api/v3/depth?symbol=BTCUSDT"
        stage.do("ban?seconds=100")
        banned = await stage.http.get(target)
        assert (banned.status_code, banned.json()["code"]) == (418, -1003)
        assert 90 <= int(banned.headers["retry-after"]) <= 100
        with pytest.raises(InvalidStatus):
            await stage.client()
        stage.simulator.active_faults.clear()
        stage.do("rest_error?seconds=100")
        assert (await stage.http.get(target)).status_code == 500


async def test_stale_rest_serves_the_book_of_its_start() -> None:
    async with served(binance("BTCUSDT", "ETHUSDT")) as stage:
        exchange = stage.venue.exchange
        before = get_json(stage.venue, "/api/v3/depth?symbol=BTCUSDT")
        stage.do("stale_rest?seconds=100&symbol=BTCUSDT")
        for symbol in ("BTC/USDT", "ETH/USDT"):
            for _ in range(20):
                exchange.move(symbol)
        assert get_json(stage.venue, "/api/v3/depth?symbol=BTCUSDT") == before
        stage.simulator.active_faults.clear()
        after = get_json(stage.venue, "/api/v3/depth?symbol=BTCUSDT")
        assert after["lastUpdateId"] > before["lastUpdateId"]


async def test_streams_run_on_a_port_with_rest() -> None:
    async with (
        served(binance("BTCUSDT", rate=200)) as stage,
        stage.client("/btcusdt@depth@100ms") as client,
    ):
        async with asyncio.timeout(DEADLINE):
            first = await next_json(client)
            second = await next_json(client)
        assert second["U"] == first["u"] + 1
        book = (await stage.http.get("/api/v3/depth?symbol=BTCUSDT")).json()
        assert book["lastUpdateId"] >= second["u"]


async def test_restart_closes_after_the_announcement() -> None:
    async with served(binance("BTCUSDT")) as stage, stage.client() as client:
        stage.do("restart?delay=0.01")
        async with asyncio.timeout(DEADLINE):
            assert (await next_json(client))["e"] == "serverShutdown"
            with pytest.raises(ConnectionClosed):
                await client.recv()


async def test_gap_needs_a_listed_symbol() -> None:
    async with served(binance("BTCUSDT")) as stage:
        with pytest.raises(FaultError, match="the counter of Binance is a symbol's"):
            stage.do("gap")
        with pytest.raises(FaultError, match="it is not listed"):
            stage.do("gap?symbol=ETHUSDT")
        stage.do("gap?symbol=binance:BTC/USDT")


async def test_listed_and_delisted_symbols_are_in_exchange_info() -> None:
    async with served(binance("BTCUSDT")) as stage:
        stage.do("list?symbol=NEWUSDT")
        stage.do("pair_status?symbol=BTCUSDT&status=delisted")
        symbols = get_json(stage.venue, "/api/v3/exchangeInfo")["symbols"]
        assert [each["symbol"] for each in symbols] == ["NEWUSDT"]
        stage.do("pair_status?symbol=BTCUSDT&status=maintenance")
        symbols = get_json(stage.venue, "/api/v3/exchangeInfo?symbol=BTCUSDT")["symbols"]
        assert symbols[0]["status"] == "BREAK"
