"""The control port over HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from lab.process import ROOT
from simulator.control import controlled
from simulator.faults.text import describe
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.protocols.request_log import MAX_LOGGED, ReceivedRequests, RequestSummary
from simulator.recording.reader import read_recording
from simulator.recording.replay import Replay
from simulator.server import Simulator
from tests.simulator.helpers import send, subscribe
from tests.simulator.recording.recordings import ACK, FRAMES, record
from tests.simulator.stage import Stage, answered, books, fails

EXAMPLES = {
    "corrupt": "symbol=BTC/USD&count=3",
    "swallow": "symbol=BTC%2FUSD",
    "repeat": "symbol=BTC/USD",
    "reorder": "symbol=BTC/USD",
    "crossed": "symbol=BTC/USD",
    "level": "symbol=BTC/USD",
    "cut": "symbol=BTC/USD",
    "early": "symbol=BTC/USD",
    "ack_only": "symbol=BTC/USD&count=2",
    "mute": "seconds=5",
    "silence": "symbol=BTC/USD&seconds=5",
    "refuse": "symbol=BTC/USD&seconds=5",
    "precision": "symbol=BTC/USD&price=2&qty=8",
    "pair_status": "symbol=BTC/USD&status=cancel_only",
    "list": "symbol=NEW/USD",
    "close": "code=1013",
    "drop": "",
    "accept_and_close": "seconds=5",
    "refuse_connections": "seconds=5&status=429",
    "answer_late": "delay=0.5&seconds=5",
    "answer_never": "seconds=5&method=subscribe",
    "rate_limit": "seconds=5",
    "garbage": "kind=text",
    "big": "bytes=1000",
    "lag": "delay=0.5&seconds=5",
    "status": "system=maintenance",
}


@asynccontextmanager
async def http_of(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        controlled(stage.simulator, stage.injector, "127.0.0.1", 0) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, verify=False) as client,
    ):
        yield client


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with http_of(stage) as client:
        yield client


async def test_post_applies_each_fault_and_returns_it(http: httpx.AsyncClient) -> None:
    for description in describe(SimulatedKraken.faults):
        answer = await http.post(f"/faults/{description.name}?{EXAMPLES[description.name]}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        fault = answer.json()
        assert fault.pop("fault") == description.name
        assert set(fault) == {parameter.name for parameter in description.parameters}


async def test_fault_posted_over_http_reaches_the_client(
    stage: Stage, http: httpx.AsyncClient
) -> None:
    async with stage.follower() as (client, book):
        await http.post("/faults/corrupt?symbol=BTC/USD")
        stage.move(2)
        assert [fails(book, text) for text in books(await answered(client))] == [True, False]


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("POST", "/faults/explode", 404, "there is no fault 'explode': use one of corrupt, "),
        ("POST", "/faults/corrupt", 400, "corrupt: symbol is missing: it takes a pair"),
        ("POST", "/faults/mute?seconds=x", 400, "mute: seconds=x: it takes seconds, more than 0"),
        ("POST", "/faults/drop?code=1", 400, "drop has no parameter 'code': it takes none"),
        ("POST", "/faults/corrupt?symbol=NO/NE", 400, "symbol=NO/NE: it is not listed"),
        ("POST", "/faults/list?symbol=BTC/USD", 400, "it is already listed"),
        ("POST", "/faults/precision?symbol=MINA/GBP&price=0&qty=1", 400, "too few decimals"),
        ("GET", "/books/NO/NE", 404, "there is no book of 'NO/NE': GET /books lists all"),
        ("GET", "/books/BTC/USD?depth=11", 400, "depth=11: it takes one of 10, 25, 100, 500, 1000"),
        ("GET", "/nowhere", 404, "there is no GET /nowhere: use one of POST /faults/{name}"),
        ("PUT", "/books", 405, "there is no PUT /books: use one of POST /faults/{name}"),
        ("GET", "/faults/corrupt", 405, "there is no GET /faults/corrupt"),
    ],
)
async def test_http_error_names_wrong_part_and_right_value(
    http: httpx.AsyncClient, method: str, path: str, status: int, words: str
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert words in answer.json()["error"]


async def test_get_faults_lists_active_ones_and_delete_removes_all(
    stage: Stage, http: httpx.AsyncClient
) -> None:
    for text in (
        "mute?seconds=100",
        "silence?symbol=BTC/USD&seconds=50",
        "silence?symbol=BTC/USD&seconds=60",
        "status?system=maintenance",
        "corrupt?symbol=BTC/USD&count=3",
        "early?symbol=MINA/GBP",
    ):
        stage.do(text)
    listed = (await http.get("/faults")).json()
    assert {item["name"] for item in listed["faults"]} == set(EXAMPLES)
    for item in listed["faults"]:
        assert item["does"].endswith(".")
        assert all(parameter["takes"] for parameter in item["parameters"])
    left = {item["fault"]: item.pop("left") for item in listed["on"]}
    assert listed["on"] == [
        {"fault": "mute", "seconds": 100.0, "symbol": None},
        {"fault": "silence", "symbol": "BTC/USD", "seconds": 60.0},
        {"fault": "status", "system": "maintenance"},
        {"fault": "corrupt", "symbol": "BTC/USD", "count": 3},
        {"fault": "early", "symbol": "MINA/GBP"},
    ]
    assert 60 < left["mute"] <= 100
    assert left["status"] is None
    lifted = (await http.delete("/faults")).json()["lifted"]
    assert [item["fault"] for item in lifted] == list(left)
    assert (await http.get("/faults")).json()["on"] == []
    assert await stage.feed_is_right()


@pytest.mark.parametrize("symbol", ["BTC/USD", "BTC%2FUSD"])
async def test_get_book_equals_the_book_of_a_client(
    stage: Stage, http: httpx.AsyncClient, symbol: str
) -> None:
    async with stage.follower(depth=25) as (client, book):
        stage.move(30)
        texts = books(await answered(client))
        assert not any(fails(book, text) for text in texts)
        got = (await http.get(f"/books/{symbol}?depth=25")).json()
    assert got["bids"] == [list(level) for level in book.bids.values()]
    assert got["asks"] == [list(level) for level in book.asks.values()]
    assert got["updates"] == len(texts)
    assert got["checksum"] == stage.exchange.listing("BTC/USD").checksum()
    summary = (await http.get("/books")).json()["BTC/USD"]
    assert summary["checksum"] == got["checksum"]
    assert summary["updates"]["25"] == len(texts)
    assert (summary["price_precision"], summary["qty_precision"]) == (1, 8)
    assert len((await http.get(f"/books/{symbol}")).json()["bids"]) == 10


async def test_get_connections_shows_counts_and_requests(
    stage: Stage, http: httpx.AsyncClient
) -> None:
    async with stage.client() as first, stage.client() as second:
        await subscribe(second, "BTC/USD", "NO/NE")
        await answered(second)
        await first.send("{nonsense")
        await send(first, method="subscribe", params={"channel": "instrument"})
        await answered(first)
        got = (await http.get("/connections")).json()
        assert got["open"] == 2
    assert got["accepted"] == 2
    times = [request.pop("time") for request in got["requests"]]
    assert times == sorted(times)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", times[0])
    first_number = next(item for item in got["requests"] if item["method"] is None)["connection"]
    second_number = 3 - first_number
    assert got["requests"] == [
        {
            "connection": second_number,
            "method": "subscribe",
            "channel": "book",
            "symbols": ["BTC/USD", "NO/NE"],
        },
        {"connection": second_number, "method": "ping", "channel": None, "symbols": []},
        {"connection": first_number, "method": None, "channel": None, "symbols": []},
        {
            "connection": first_number,
            "method": "subscribe",
            "channel": "instrument",
            "symbols": [],
        },
        {"connection": first_number, "method": "ping", "channel": None, "symbols": []},
    ]


def test_request_log_keeps_the_last_requests() -> None:
    log = ReceivedRequests()
    for number in range(MAX_LOGGED + 5):
        log.append(number, RequestSummary("ping"))
    assert len(log.entries) == MAX_LOGGED
    assert log.entries[0].connection == 5


async def test_replay_refuses_books_and_faults_of_symbols(tmp_path: Path) -> None:
    replay = Replay(read_recording(record(tmp_path, [ACK, *FRAMES])))
    protocol = SimulatedKraken(replay)
    async with (
        Simulator(protocol) as simulator,
        http_of(Stage(replay, protocol, simulator)) as http,
    ):
        for answer in (
            await http.get("/books"),
            await http.get("/books/BTC/USD"),
            await http.post("/faults/corrupt?symbol=BTC/USD"),
        ):
            assert answer.status_code == 400
            assert "a recording is replayed" in answer.json()["error"]
        assert (await http.post("/faults/lag?delay=1&seconds=1")).status_code == 200
        assert (await http.get("/connections")).json()["open"] == 0


def test_docs_list_every_fault_with_its_parameters() -> None:
    page = (ROOT / "docs" / "simulator.md").read_text()
    found = re.findall(r"^\| `(\w+)` \|([^|]*)\|", page, re.MULTILINE)
    rows = {(name, parameters.strip()) for name, parameters in found}
    for item in describe():
        parameters = ", ".join(
            parameter.name if parameter.default is None else f"{parameter.name}={parameter.default}"
            for parameter in item.parameters
        )
        assert (item.name, parameters) in rows, item
