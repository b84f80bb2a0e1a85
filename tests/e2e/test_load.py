"""Two thousand updates a second of twenty symbols arrive complete and correct."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from websockets.sync.client import connect

from lab.ports import free_port
from lab.process import ROOT
from lab.services import Api
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

RATE = int(os.environ.get("KRAKEN_BOOK_LOAD_RATE", "2000"))
SECONDS = float(os.environ.get("KRAKEN_BOOK_LOAD_SECONDS", "10"))
LIMIT = SECONDS * 2 + 60

SYMBOLS = (
    *("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD", "ADA/USD", "LTC/USD"),
    *("LINK/USD", "DOT/USD", "AVAX/USD", "PEPE/USD", "SHIB/USD", "BONK/USD", "USDT/USD"),
    *("EUR/USD", "BTC/EUR", "ETH/EUR", "ETH/BTC", "BTC/JPY", "MINA/GBP"),
)


def books_of_the_simulator(url: str) -> dict[str, dict[str, Any]]:
    """Return the snapshot of each book that a new client of the simulator gets."""
    books: dict[str, dict[str, Any]] = {}
    with connect(url, compression=None) as client:
        params = {"channel": "book", "symbol": list(SYMBOLS), "depth": 10}
        client.send(json.dumps({"method": "subscribe", "params": params}))
        while len(books) < len(SYMBOLS):
            frame = json.loads(client.recv(10), parse_float=str)
            if frame.get("channel") == "book":
                (book,) = frame["data"]
                for side in ("bids", "asks"):
                    levels = [[str(level["price"]), level["qty"]] for level in book[side]]
                    book[side] = levels
                books[book["symbol"]] = book
    return books


def start_follower(api: Api) -> subprocess.Popen[str]:
    """Start a process that follows every stream over HTTP and verifies each event."""
    return subprocess.Popen(
        [sys.executable, "-m", "lab.sse.follower", api.url, *SYMBOLS, "--limit", str(LIMIT)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(LIMIT + 60)
def test_load_of_2000_updates_a_second_loses_and_repeats_nothing(
    stage: Stage,
) -> None:
    updates = int(RATE * SECONDS)
    redis = stage.redis()
    api = stage.api(redis.url)
    port = free_port()
    collector = stage.collector(
        redis.url,
        f"ws://127.0.0.1:{port}/v2",
        KRAKEN_SYMBOLS=",".join(SYMBOLS),
        STREAM_MAXLEN="1000000",
    )
    # Only a leader publishes each verified update.
    collector.wait_for_line("leading")
    markets = ("--symbols", ",".join(SYMBOLS), "--rate", str(RATE), "--updates", str(updates))
    simulator = stage.simulator(*markets, port=port)
    follower = start_follower(api)
    stage.undo(follower.kill)
    assert follower.stdin is not None
    assert follower.stdout is not None
    assert follower.stdout.readline() == "joined\n"
    still = "markets stopped"
    wait_until(lambda: simulator.lines(still), "all updates are made", LIMIT)

    streams = StoredBooks(redis.url)
    stage.undo(streams.close)
    expected = books_of_the_simulator(simulator.url)
    for symbol, book in expected.items():
        streams.wait_for_checksum(symbol, book["checksum"])
        stored = streams.book(symbol)
        assert json.loads(stored["bids"]) == book["bids"]
        assert json.loads(stored["asks"]) == book["asks"]

    ends = {symbol: streams.last_seq(symbol) for symbol in SYMBOLS}
    followed, _ = follower.communicate(json.dumps(ends) + "\n", timeout=LIMIT)
    summary = json.loads(followed.splitlines()[-1])

    published = 0
    for symbol in SYMBOLS:
        events = streams.events(symbol)
        assert [event["seq"] for event in events] == list(range(1, ends[symbol] + 1)), symbol
        ladder = streams.ladder(symbol)
        published += ladder.counts.updates
        seen, book = summary[symbol], expected[symbol]
        assert seen["error"] is None, symbol
        assert (seen["lagged"], seen["jumps"]) == (0, 0), symbol
        assert seen["bids"] == book["bids"] == ladder.bids
        assert seen["asks"] == book["asks"] == ladder.asks
        assert seen["checksum"] == book["checksum"] == ladder.checksum
        # Each number came once, from the first event of the reader to the last of the stream.
        assert seen["seq"] == ends[symbol]
        assert seen["events"] - seen["unnumbered"] == ends[symbol] - seen["first_seq"] + 1

    assert collector.metric("kraken_book_verified_total", kind="update") == published
    assert collector.metric("kraken_book_resyncs_total") == 0
    assert collector.metric("kraken_book_write_refusals_total") == 0
    assert collector.metric("kraken_book_conflated_events_total") == 0
    followed_updates = sum(seen["updates"] for seen in summary.values())
    # A move beyond the ten best levels of a side makes no frame; about half do.
    assert updates / 4 < published <= updates
    assert published / 2 < followed_updates <= published
    print(
        f"{updates} moves, {published} update events, {followed_updates} followed over HTTP,"
        f" {sum(seen['verified'] for seen in summary.values())} books verified there"
    )
