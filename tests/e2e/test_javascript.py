"""kraken-book.js in Node against a real api: books, keys, and what it does after errors."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kraken_book.access_keys import AccessKey, digest_of, render_key_file
from lab.naive_book import NaiveBook
from lab.node import find_node
from lab.ports import free_port
from lab.services import Api, SimulatorProcess
from lab.stage import Stage
from lab.waiting import wait_until

MODULE = Path(__file__).parents[2] / "api" / "page" / "kraken-book.js"
SYMBOLS = ("BTC/USD", "ETH/USD")
KEY = "kb_of_this_test"

# Prints one line of JSON for each changed book.
READER = """
import { watch } from "./kraken-book.js"
const [url, symbols, key] = process.argv.slice(2)
try {
  for await (const book of watch(url, symbols.split(","), { key: key ?? null })) {
    console.log(JSON.stringify({
      symbol: book.symbol, isLive: book.isLive, state: book.state, isConnected: book.isConnected,
      position: book.position, bids: book.bids(), asks: book.asks(), counts: book.counts,
    }))
  }
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
            text=True,
        )

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what it prints, until it ends."""
        assert self._process.stdout is not None
        yield from map(json.loads, self._process.stdout)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def simulator(stage: Stage) -> SimulatorProcess:
    return stage.simulator("--rate", "200")


@pytest.fixture
def redis_url(stage: Stage, simulator: SimulatorProcess) -> str:
    redis = stage.redis()
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    collector.wait_until_live(len(SYMBOLS))
    return redis.url


def read(stage: Stage, folder: Path, api: Api, symbols: str, *key: str) -> NodeReader:
    reader = NodeReader(folder, api.url, symbols, *key)
    stage.undo(reader.close)
    return reader


def test_node_verifies_every_book_and_resumes_on_a_new_process_without_a_gap(
    stage: Stage, tmp_path: Path, redis_url: str
) -> None:
    port = str(free_port())
    api = stage.api(redis_url, API_PORT=port)
    lines = read(stage, tmp_path, api, "btc-usd,ETHUSD").lines()
    last: dict[str, int] = {}

    def follow(updates: int) -> None:
        """Read until each book has had `updates` more, each the next one."""
        ends = {symbol: last.get(symbol, 0) + updates for symbol in SYMBOLS}
        while any(last.get(symbol, 0) < end for symbol, end in ends.items()):
            line = next(lines)
            symbol, seq = line["symbol"], line["position"]["seq"]
            assert (line["isLive"], line["counts"]["mismatches"]) == (True, 0), line
            assert symbol not in last or seq in {last[symbol], last[symbol] + 1}
            last[symbol] = seq

    follow(100)
    api.kill()
    lost = next(line for line in lines if not line["isConnected"])
    assert not lost["isLive"]
    stage.api(redis_url, API_PORT=port)
    while not (line := next(lines))["isConnected"]:
        pass
    assert line["isLive"]
    # Also the events that the api wrote while nobody read.
    follow(100)
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
