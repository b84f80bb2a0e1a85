"""kraken-book.js in Node against a real api, and against one that sends prepared errors."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kraken_book.access_keys import AccessKey, digest_of, render_key_file
from lab.canned_api import HOLD, CannedApi, answer, sse, sse_events, stream
from lab.naive_book import NaiveBook
from lab.node import find_node
from lab.ports import free_port
from lab.services import Api, SimulatorProcess
from lab.stage import Stage
from lab.waiting import wait_until
from lab.written_books import snapshot, update

MODULE = Path(__file__).parents[2] / "api" / "page" / "kraken-book.js"
SYMBOLS = ("BTC/USD", "ETH/USD")
KEY = "kb_of_this_test"

# Prints one line of JSON for each changed book.
READER = """
import { watch } from "./kraken-book.js"
const [url, symbols, key, most] = process.argv.slice(2)
const log = (text) => console.log(JSON.stringify({ log: text }))
function show(book) {
  console.log(JSON.stringify({
    symbol: book.symbol, isLive: book.isLive, state: book.state, isConnected: book.isConnected,
    position: book.position, bids: book.bids(), asks: book.asks(), counts: book.counts,
  }))
}
let last = null
let shown = 0
try {
  for await (const book of watch(url, symbols.split(","), { key: key || null, log })) {
    show(book)
    last = book
    shown += 1
    if (shown === Number(most)) break
  }
  show(last)
} catch ({ name, status, code }) {
  console.log(JSON.stringify({ name, status, code }))
}
"""


class NodeReader:
    """A process of Node that watches books."""

    def __init__(self, folder: Path, url: str, symbols: str, *key: str) -> None:
        (folder / "kraken-book.js").write_bytes(MODULE.read_bytes())
        (folder / "reader.mjs").write_text(READER)
        self._process = subprocess.Popen(
            [find_node(), "reader.mjs", url, symbols, *key],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what it prints, until it ends."""
        assert self._process.stdout is not None
        yield from map(json.loads, self._process.stdout)

    def books(self) -> Iterator[dict[str, Any]]:
        """Yield the books among them."""
        return (line for line in self.lines() if "state" in line)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def simulator(stage: Stage) -> SimulatorProcess:
    return stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "100")


@pytest.fixture
def redis_url(stage: Stage, simulator: SimulatorProcess) -> str:
    redis = stage.redis()
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    collector.wait_until_live(len(SYMBOLS))
    return redis.url


def read(stage: Stage, folder: Path, api: Api | CannedApi, symbols: str, *key: str) -> NodeReader:
    reader = NodeReader(folder, api.url, symbols, *key)
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
        429, b'{"type":"urn:x:too-many-requests","detail":"wait"}',
        "retry-after: 1", "content-type: application/problem+json",
    )  # fmt: skip
    broken = answer(503, b"<html>", "content-type: application/problem+json")
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
