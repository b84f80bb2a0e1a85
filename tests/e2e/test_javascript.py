"""kraken-book.js in Node against a real api, and against one that sends prepared errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kraken_book.access_keys import AccessKey, digest_of, render_key_file
from lab.canned_api import HOLD, Answer, CannedApi, answer, problem, sse, sse_events, stream
from lab.naive_book import NaiveBook
from lab.ports import free_port
from lab.services import Api, SimulatorProcess
from lab.stage import Stage
from lab.waiting import wait_until
from lab.written_books import snapshot, update
from tests.e2e.node_reader import BEST_READER, READER, NodeReader

SYMBOLS = ("BTC/USD", "ETH/USD")
KEY = "kb_of_this_test"
PROBLEM = "content-type: application/problem+json"


@pytest.fixture
def simulator(stage: Stage) -> SimulatorProcess:
    return stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "100")


@pytest.fixture
def redis_url(stage: Stage, simulator: SimulatorProcess) -> str:
    redis = stage.redis()
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    collector.wait_until_live(len(SYMBOLS))
    return redis.url


def read(
    stage: Stage, folder: Path, api: Api | CannedApi, *arguments: str, program: str = READER
) -> NodeReader:
    reader = NodeReader(folder, api.url, *arguments, program=program)
    stage.undo(reader.close)
    return reader


def test_node_verifies_every_book_and_resumes_on_a_new_process_without_a_gap(
    stage: Stage, tmp_path: Path, redis_url: str
) -> None:
    port = str(free_port())
    api = stage.api(redis_url, API_PORT=port)
    lines = read(stage, tmp_path, api, "btc-usd,ETHUSD").books()
    last: dict[str, int] = {}

    def read_next() -> dict[str, Any]:
        """Read a line, whose book has the event that it had before, or the next one."""
        line: dict[str, Any] = next(lines)
        symbol, seq = line["symbol"], line["position"]["seq"]
        assert symbol not in last or seq in {last[symbol], last[symbol] + 1}
        last[symbol] = seq
        return line

    def follow(updates: int) -> dict[str, Any]:
        """Read until each book has had `updates` more, and is live after each."""
        ends = {symbol: last.get(symbol, 0) + updates for symbol in SYMBOLS}
        while True:
            line = read_next()
            assert (line["isLive"], line["counts"]["mismatches"]) == (True, 0), line
            if all(last.get(symbol, 0) >= end for symbol, end in ends.items()):
                return line

    follow(100)
    api.kill()
    # The lines that were written before the kill come first.
    while (line := read_next())["isConnected"]:
        pass
    assert not line["isLive"]
    stage.api(redis_url, API_PORT=port)
    while not (line := read_next())["isConnected"]:
        pass
    assert line["isLive"]
    # Also the events that the api wrote while nobody read.
    line = follow(100)
    assert line["counts"]["lagged"] == 0


def test_node_book_is_that_of_an_independent_reader(
    stage: Stage, tmp_path: Path, redis_url: str
) -> None:
    api = stage.api(redis_url)
    watched = api.watch("BTC/USD")
    stage.undo(watched.leave)
    lines = read(stage, tmp_path, api, "BTC/USD").lines()
    found = [next(lines) for _ in range(200)]
    wait_until(lambda: watched.ladder.seq >= found[-1]["position"]["seq"], "both have read it")
    assert {line["state"] for line in found if line["position"]} == {"verified"}
    books = {}
    for event in watched.events:
        if event["kind"] == "snapshot":
            book = NaiveBook(event["depth"])
        if event["kind"] in {"snapshot", "update"}:
            book.frame(event["bids"], event["asks"])
            books[event["seq"]] = [list(map(list, side)) for side in (book.bids, book.asks)]
    compared = [line for line in found if line["position"] and line["position"]["seq"] in books]
    assert len(compared) > 100
    for line in compared:
        assert [line["bids"], line["asks"]] == books[line["position"]["seq"]]


def test_node_says_why_an_api_refuses(stage: Stage, tmp_path: Path, redis_url: str) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes(render_key_file([AccessKey("test", digest_of(KEY))]))
    api = stage.api(redis_url, API_KEYS_FILE=str(keys))
    refusals = {
        ("NO/PE", KEY): (404, "unknown-symbol"),
        ("BTC/USD",): (401, "key-missing"),
        ("BTC/USD", "kb_wrong"): (401, "key-unknown"),
    }
    for arguments, (status, code) in refusals.items():
        lines = list(read(stage, tmp_path, api, *arguments).lines())
        assert lines == [{"name": "Refused", "status": status, "code": code}]
    assert next(read(stage, tmp_path, api, "BTC/USD", KEY).lines())["isLive"]


def wrong(entry: bytes) -> bytes:
    """Return an event whose checksum is not that of its book."""
    return re.sub(rb'"checksum":\d+', b'"checksum":1', entry)


@pytest.mark.parametrize(
    ("bad", "state"),
    [
        (wrong(sse_events(update(4))), "mismatch"),
        (sse_events(update(9)), "gap"),
        (sse("1000-4", b'{"symbol":"BTC/USD","kind":"update","seq":4,"epoch":7}'), "invalid"),
        (sse("1000-4", b"no event"), None),
    ],
)
def test_node_begins_again_with_a_snapshot_after_an_event_that_is_wrong(
    stage: Stage, tmp_path: Path, bad: bytes, state: str | None
) -> None:
    good = stream(sse_events(snapshot(20)), HOLD)
    with CannedApi(stream(sse_events(snapshot(3)), bad, HOLD), good) as api:
        books = read(stage, tmp_path, api, "BTC/USD").books()
        found = [next(books)]
        while (found[-1]["position"] or {}).get("seq") != 20:
            found.append(next(books))
        assert "last-event-id" not in api.requests[1].headers
    assert found[-1]["isLive"]
    assert state in {None, *(book["state"] for book in found)}
    assert not [book for book in found if book["isLive"] and book["state"] != "verified"]


def test_node_waits_as_an_overloaded_api_asks_and_then_resumes(
    stage: Stage, tmp_path: Path
) -> None:
    busy = answer(
        429, b'{"type":"urn:x:too-many-requests","detail":"wait"}', "retry-after: 1", PROBLEM
    )
    broken = answer(503, b"<html>", PROBLEM)
    resumed = stream(sse_events(update(4)), HOLD)
    with CannedApi(stream(b"retry: 0\n\n", sse_events(snapshot(3))), busy, broken, resumed) as api:
        lines = read(stage, tmp_path, api, "BTC/USD").lines()
        found = [next(lines)]
        while (found[-1].get("position") or {}).get("seq") != 4:
            found.append(next(lines))
        assert [each.headers.get("last-event-id") for each in api.requests[1:]] == ["1000-3"] * 3
    assert found[-1]["isLive"]
    logged = " ".join(line["log"] for line in found if "log" in line)
    assert "the stream ended" in logged
    assert "429: wait" in logged
    assert "503: the answer is not the api's" in logged


def test_no_book_of_node_is_live_after_its_loop_has_ended(stage: Stage, tmp_path: Path) -> None:
    with CannedApi(stream(sse_events(snapshot(3)), HOLD)) as api:
        during, after = read(stage, tmp_path, api, "BTC/USD", "", "1").lines()
    assert (during["isLive"], after["isLive"], after["bids"]) == (True, False, during["bids"])


def test_key_that_no_header_carries_is_an_error(stage: Stage, tmp_path: Path) -> None:
    with CannedApi() as api:
        lines = list(read(stage, tmp_path, api, "BTC/USD", "é").lines())
        assert lines == [{"name": "TypeError"}]
        assert api.requests == []


def best_prices(qty: int, **status: str) -> dict[str, Any]:
    """Return an answer of `/best` with one book, whose best bid has this quantity."""
    level = {"venue": "kraken", "symbol": "BTC/USD", "price": "100.0", "qty": str(qty)}
    book = {"venue": "kraken", "symbol": "BTC/USD", "status": "live", "reason": None, **status}
    best = {"bid": level, "ask": None, "spread": None, "is_crossed": False}
    return {"pair": "BTC/USD", "best": best, "venues": [book]}


def best_event(qty: int) -> bytes:
    return sse(None, json.dumps(best_prices(qty)).encode())


def test_node_shows_no_best_price_without_a_stream_and_the_next_one_when_it_is_back(
    stage: Stage, tmp_path: Path
) -> None:
    first, second = json.dumps(best_prices(1)).encode(), stream(best_event(2), sse(None, b"{}"))
    with CannedApi(
        answer(200, first), second, answer(503, b"x"), stream(best_event(3), HOLD)
    ) as api:
        lines = read(stage, tmp_path, api, "btc-usd", KEY, program=BEST_READER).lines()
        found = [next(lines) for _ in range(6)]
        targets = [request.target for request in api.requests]
        assert targets == ["/best/btc-usd"] + ["/best/btc-usd/stream?interval=10ms"] * 3
        assert {each.headers["authorization"] for each in api.requests} == {f"Bearer {KEY}"}
        # A second failure yields nothing new.
        (logged_first, logged_second) = [line["log"] for line in found if "log" in line]
        assert "a book is broken" in logged_first
        assert "503" in logged_second
        lost = best_prices(2, status="stale", reason="disconnected")
        lost["best"]["bid"] = None
        answers = [line for line in found if "pair" in line]
        assert answers == [best_prices(1), best_prices(2), lost, best_prices(3)]


@pytest.mark.parametrize(
    ("refusal", "name", "message"),
    [
        (problem(404, "no pair", kind="urn:x:unknown-symbol"), "Refused", "no pair"),
        (answer(429, b'{"type":"urn:x:y","detail":"wait"}', PROBLEM), "Error", "429: wait"),
        (answer(503, b"<html>"), "Error", "503: the answer is not the api's; "),
        (answer(200, b"<html>"), "Refused", "the answer has no best prices; "),
        (answer(200, b'{"pair":"BTC/USD"}'), "Refused", "the answer has no best prices; "),
        (answer(200, b"[" * 2_000_000), "Refused", "the answer has no best prices; "),
    ],
)
def test_node_says_why_there_are_no_best_prices(
    stage: Stage, tmp_path: Path, refusal: Answer, name: str, message: str
) -> None:
    with CannedApi(refusal) as api:
        (line,) = read(stage, tmp_path, api, "NO/PE", "", "get", program=BEST_READER).lines()
        assert line["name"] == name
        assert line["message"].startswith(message)


def test_node_ends_the_best_prices_of_a_pair_that_no_venue_has(
    stage: Stage, tmp_path: Path, redis_url: str
) -> None:
    api = stage.api(redis_url)
    for mode in ("get", "watch"):
        (line,) = read(stage, tmp_path, api, "NO/PE", "", mode, program=BEST_READER).lines()
        assert (line["name"], line["status"], line["code"]) == ("Refused", 404, "unknown-symbol")
