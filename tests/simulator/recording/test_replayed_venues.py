"""Recorded connections of other venues than Kraken, served byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from lab.recordings import FindRecording
from simulator.faults.kinds import FaultError
from simulator.protocols.binance.protocol import SimulatedBinance
from simulator.protocols.bitfinex.protocol import SimulatedBitfinex
from simulator.protocols.coinbase.protocol import SimulatedCoinbase
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.venue import SimulatedVenue
from simulator.recording.lines import RecordingError
from simulator.recording.replayed_venue import open_replayed_venue
from tests.simulator.helpers import DEADLINE
from tests.simulator.protocols.scene import ServedVenue, SessionClient, get_json, served

COINBASE = '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}'
BITFINEX = '{"event":"subscribe","channel":"book","symbol":"tBTCUSD","prec":"P0","len":"25"}'
BINANCE = '{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}'


def replayed(venue: str, path: Path, *, loop: bool = False) -> SimulatedVenue:
    return open_replayed_venue(venue, path, speed=float("inf"), loop=loop)


def write_tape(path: Path, texts: Iterable[str]) -> Path:
    lines = [f"{1_700_000_000_000_000_000 + at} {text}" for at, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n")
    return path


def made_coinbase() -> list[str]:
    client = SessionClient(SimulatedCoinbase(MarketOptions(("BTC-USD",), rate=0.0)))
    client.session.receive(COINBASE)
    return moved(client, "BTC/USD")


def made_bitfinex() -> list[str]:
    client = SessionClient(SimulatedBitfinex(MarketOptions(("tBTCUSD",), rate=0.0)))
    client.session.receive('{"event":"conf","flags":229376}')
    client.session.receive(BITFINEX)
    return moved(client, "BTC/USD")


def made_binance() -> tuple[list[str], Any]:
    venue = SimulatedBinance(MarketOptions(("BTCUSDT",), rate=0.0))
    client = SessionClient(venue)
    client.session.receive(BINANCE)
    texts = moved(client, "BTC/USDT")
    snapshot = get_json(venue, "/api/v3/depth?symbol=BTCUSDT&limit=5000")
    for _ in range(20):
        venue.exchange.move("BTC/USDT")
        venue.flush(100)
    return texts + client.link.take(), snapshot


def moved(client: SessionClient, symbol: str) -> list[str]:
    while not client.venue.exchange.admit():
        pass
    for _ in range(30):
        client.venue.exchange.move(symbol)
    return client.link.take()


async def received(stage: ServedVenue, requests: Iterable[str], count: int) -> list[str]:
    """Return the first frames of a new client."""
    async with stage.client() as client:
        for request in requests:
            await client.send(request)
        async with asyncio.timeout(DEADLINE):
            return [str(await client.recv()) for _ in range(count)]


async def until_closed(client: ClientConnection) -> list[str]:
    """Return all frames until the server closes the connection."""
    texts = []
    async with asyncio.timeout(DEADLINE):
        try:
            while True:
                texts.append(str(await client.recv()))
        except ConnectionClosed:
            return texts


@pytest.mark.parametrize(
    ("venue", "request_text", "made"),
    [("coinbase", COINBASE, made_coinbase), ("bitfinex", BITFINEX, made_bitfinex)],
)
async def test_tape_is_served_byte_for_byte_to_each_client(
    tmp_path: Path, venue: str, request_text: str, made: Any
) -> None:
    texts = made()
    tape = write_tape(tmp_path / "one.tape", texts)
    async with served(replayed(venue, tape)) as stage:
        for _ in range(2):
            assert await received(stage, [request_text], len(texts)) == texts


async def test_binance_serves_the_snapshot_beside_the_tape(tmp_path: Path) -> None:
    texts, snapshot = made_binance()
    tape = write_tape(tmp_path / "binance-btcusdt.tape", texts)
    body = json.dumps(snapshot)
    (tmp_path / "binance-btcusdt.snapshot.json").write_text(f'{{"received_ns":1,"body":{body}}}')
    async with served(replayed("binance", tape)) as stage:
        assert await received(stage, [BINANCE], len(texts)) == texts
        answer = await stage.http.get("/api/v3/depth?symbol=BTCUSDT&limit=5000")
        assert answer.text == body
        assert answer.headers["x-mbx-used-weight-1m"] == "250"
        (symbol,) = (await stage.http.get("/api/v3/exchangeInfo")).json()["symbols"]
        assert symbol["filters"][0]["tickSize"] == "0.01000000"


def test_decimals_of_the_snapshot_count_for_the_tick(tmp_path: Path) -> None:
    diff = {
        "e": "depthUpdate",
        "E": 1,
        "s": "ABCUSDT",
        "U": 5,
        "u": 6,
        "b": [["1.10", "2"]],
        "a": [],
    }
    tape = write_tape(tmp_path / "abc.tape", [json.dumps(diff)])
    book = {"lastUpdateId": 4, "bids": [["1.12340000", "7.50000000"]], "asks": []}
    (tmp_path / "binance-abcusdt-1.snapshot.json").write_text(json.dumps(book))
    (symbol,) = get_json(replayed("binance", tape), "/api/v3/exchangeInfo")["symbols"]
    assert symbol["filters"][0]["tickSize"] == "0.00010000"
    assert symbol["filters"][1]["stepSize"] == "0.10000000"


def test_damaged_snapshot_is_an_error_with_its_file(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "one.tape", made_binance()[0])
    (tmp_path / "x-btcusdt.snapshot.json").write_text('{"bids":')
    with pytest.raises(RecordingError, match="x-btcusdt"):
        replayed("binance", tape)


async def test_snapshot_that_was_not_recorded_is_an_error(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "one.tape", made_binance()[0])
    async with served(replayed("binance", tape)) as stage:
        assert (await stage.http.get("/api/v3/depth?symbol=BTCUSDT")).status_code == 503


async def test_rest_lists_the_recorded_pairs_with_their_decimals(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "one.tape", made_coinbase())
    products = get_json(replayed("coinbase", tape), "/api/v3/brokerage/market/products")
    assert products["products"][0]["product_id"] == "BTC-USD"
    assert products["products"][0]["price_increment"] == "0.01"
    tape = write_tape(tmp_path / "two.tape", made_bitfinex())
    assert get_json(replayed("bitfinex", tape), "/v2/conf/pub:list:pair:exchange") == [["BTCUSD"]]


async def test_folder_has_the_connections_of_all_hours_one_after_another(tmp_path: Path) -> None:
    first, second = made_coinbase(), made_coinbase()
    opened = '!opened {"url":"wss://x","connection":"1","version":"1"}'
    write_tape(tmp_path / "13-connection-1-130000.000001.tape", [opened, *first[:10]])
    write_tape(tmp_path / "14-connection-1-140000.000001.tape", [*first[10:], opened, *second])
    async with served(replayed("coinbase", tmp_path)) as stage:
        async with stage.client() as client:
            await client.send(COINBASE)
            assert await until_closed(client) == first
        assert await received(stage, [COINBASE], len(second)) == second


async def test_client_waits_until_it_has_asked_for_all_pairs(tmp_path: Path) -> None:
    client = SessionClient(SimulatedBitfinex(MarketOptions(("tBTCUSD", "tETHUSD"), rate=0.0)))
    client.session.receive(BITFINEX)
    client.session.receive(BITFINEX.replace("BTC", "ETH"))
    texts = moved(client, "BTC/USD")
    tape = write_tape(tmp_path / "one.tape", texts)
    async with served(replayed("bitfinex", tape)) as stage, stage.client() as reader:
        await reader.send(BITFINEX)
        await reader.send('{"event":"ping","cid":1}')
        async with asyncio.timeout(DEADLINE):
            assert await reader.recv() == texts[0], "the greeting"
            await reader.send(BITFINEX.replace("BTC", "ETH"))
            assert [await reader.recv() for _ in texts[1:]] == texts[1:]


async def test_loop_closes_the_connection_at_the_end(tmp_path: Path) -> None:
    texts = made_coinbase()
    tape = write_tape(tmp_path / "one.tape", texts)
    async with served(replayed("coinbase", tape, loop=True)) as stage, stage.client() as client:
        await client.send(COINBASE)
        assert await until_closed(client) == texts


async def test_faults_of_markets_are_refused_and_those_of_connections_work(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "one.tape", made_coinbase())
    async with served(replayed("coinbase", tape)) as stage:
        with pytest.raises(FaultError, match="a recording is replayed"):
            stage.do("swallow?symbol=BTC-USD")
        stage.do("rest_error?seconds=60")
        answer = await stage.http.get("/api/v3/brokerage/market/products")
        assert answer.status_code == 500


def test_tape_of_a_venue_without_replay_is_refused(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "a.tape", ["{}"])
    with pytest.raises(RecordingError, match="those of nowhere cannot be served, only of binance,"):
        replayed("nowhere", tape)


def test_tape_of_another_venue_is_refused(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "one.tape", made_coinbase())
    with pytest.raises(RecordingError, match="no book of bitfinex found"):
        replayed("bitfinex", tape)


async def test_recorded_coinbase_frames_are_numbered_without_a_gap(
    recorded: FindRecording,
) -> None:
    path = recorded("venues/coinbase-btcusd.jsonl")
    lines = path.read_text().splitlines()
    async with served(replayed("coinbase", path)) as stage:
        texts = await received(stage, [COINBASE], len(lines))
    assert texts == lines
    assert [json.loads(text)["sequence_num"] for text in texts] == list(range(len(lines)))


async def test_recorded_bitfinex_connection_is_served_whole(recorded: FindRecording) -> None:
    path = recorded("venues/bitfinex.tape")
    lines = [line.partition(" ")[2] for line in path.read_text().splitlines()]
    expected = [line for line in lines if not line.startswith(">")]
    books = [json.loads(line[1:]) for line in lines if line.startswith('>{"event":"subscribe"')]
    requests = [json.dumps(book) for book in books if book["channel"] == "book"]
    async with served(replayed("bitfinex", path)) as stage:
        texts = await received(stage, requests, len(expected))
    assert texts == expected
    numbers = [json.loads(text)[-1] for text in texts if text.startswith("[")]
    assert numbers == list(range(1, 1671))


@pytest.mark.parametrize("name", ["blzeth", "nknusdt"])
async def test_recorded_binance_diffs_join_their_snapshot(
    recorded: FindRecording, name: str
) -> None:
    path = recorded(f"venues/binance-{name}.tape")
    expected = [line.partition(" ")[2] for line in path.read_text().splitlines()]
    async with served(replayed("binance", path)) as stage:
        address = stage.simulator.url.removesuffix("/ws")
        url = f"{address}/stream?streams={name}@depth@100ms"
        async with connect(url, max_size=None) as client, asyncio.timeout(DEADLINE):
            texts = [await client.recv() for _ in expected]
        answer = await stage.http.get(f"/api/v3/depth?symbol={name.upper()}&limit=5000")
    assert texts == expected
    last = answer.json()["lastUpdateId"]
    diffs = [json.loads(text)["data"] for text in texts]
    first, *rest = [diff for diff in diffs if diff["u"] > last]
    assert first["U"] <= last + 1 <= first["u"]
    for before, diff in zip([first, *rest], rest, strict=False):
        assert diff["U"] == before["u"] + 1
