"""Views of books: cut to levels, the best alone, at most so often; each shows the book as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.follower import Ladder, SseStream
from tests.e2e.processes import Api, Collector, Simulator, Stage, Streams, eventually

SYMBOLS = ("BTC/USD", "ETH/USD")
UPDATES = 3000


class View:
    """What a stream of a view has shown, event by event."""

    def __init__(self, stage: Stage, api: Api, path: str) -> None:
        self._stream = SseStream(api.url, path)
        stage.undo(self._stream.close)
        self.events: list[dict[str, Any]] = []
        self.ids: list[str | None] = []

    def read_until_seq(self, seqs: dict[str, int]) -> None:
        """Read until it has shown every one of these states, or what is the same to see."""
        left = dict(seqs)
        for event_id, event in self._stream.events():
            self.events.append(event)
            self.ids.append(event_id)
            if event["kind"] == "snapshot" and event["seq"] >= left.get(event["symbol"], 0):
                left.pop(event["symbol"], None)
            if not left:
                return

    def of(self, symbol: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["symbol"] == symbol and e["kind"] == "snapshot"]


class Scene:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        redis = stage.redis()
        self.simulator: Simulator = stage.simulator(
            "--symbols", ",".join(SYMBOLS), "--rate", "600", "--updates", str(UPDATES)
        )
        self.collector: Collector = stage.collector(
            redis.url, self.simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS)
        )
        self.api = stage.api(redis.url)
        self.api.wait_until_live(*SYMBOLS)
        self.streams = Streams(redis.url)
        stage.undo(self.streams.close)

    def states(self, symbol: str) -> dict[int, dict[str, Any]]:
        """The whole book after each event of a stream, by its seq."""
        books: dict[int, dict[str, Any]] = {}

        ladder = Ladder(symbol)
        for event in self.streams.events(symbol):
            ladder.take(event)
            books[ladder.seq] = {
                "bids": ladder.bids,
                "asks": ladder.asks,
                "checksum": ladder.checksum,
            }
        return books

    def wait_until_still(self) -> dict[str, int]:
        """The last seq of each book, once the markets have stopped and all of it is in Redis."""
        self.simulator.wait_for_line("markets stand still: all updates are made")

        def settled() -> bool:
            verified = self.collector.metric("kraken_book_verified_total")
            return sum(self.streams.ladder(s).counts.verified for s in SYMBOLS) == verified

        eventually(settled, "all is published")
        return {symbol: self.streams.last_seq(symbol) for symbol in SYMBOLS}


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        ("/stream/BTC/USD?levels=3", 3),
        ("/stream/BTC/USD?view=top", 0),
        ("/stream/BTC/USD?interval=50ms", 10),
        ("/stream?symbols=BTC/USD,ETH/USD&levels=10", 10),
        ("/stream?symbols=*&levels=2&interval=100ms", 2),
        ("/stream?symbols=*&view=top&interval=0.02s", 0),
    ],
)
def test_each_event_shows_the_book_of_its_seq_cut_and_the_last_one_the_book_as_it_is(
    stage: Stage, path: str, levels: int
) -> None:
    scene = Scene(stage)
    view = View(stage, scene.api, path)
    symbols = SYMBOLS if "symbols=" in path else ("BTC/USD",)
    view.read_until_seq(dict.fromkeys(symbols, 200))
    last = scene.wait_until_still()
    books = {symbol: scene.states(symbol) for symbol in symbols}
    # The last that a view shows need not be the last event's: that may have changed nothing in it.
    ends = {symbol: last_change(books[symbol], levels) for symbol in symbols}
    view.read_until_seq(ends)
    for symbol in symbols:
        shown = view.of(symbol)
        for before, event in zip([None, *shown], shown, strict=False):
            book = books[symbol][event["seq"]]
            assert event["bids"] == book["bids"][:levels]
            assert event["asks"] == book["asks"][:levels]
            assert event["best_bid"]["price"] == book["bids"][0][0]
            assert event["best_ask"]["price"] == book["asks"][0][0]
            assert event["checksum"] == (book["checksum"] if levels >= 10 else None)
            if before is not None:
                assert event["seq"] > before["seq"]
                assert event["conflated"] == event["seq"] - before["seq"] - 1
                assert seen(event) != seen(before), "shown again, and nothing had changed"
        assert shown[-1]["seq"] >= ends[symbol]
        assert last[symbol] >= shown[-1]["seq"]
    assert {event["kind"] for event in view.events} <= {"snapshot", "status"}


def seen(event: dict[str, Any]) -> str:
    """What a reader sees of it."""
    return json.dumps([event[name] for name in ("bids", "asks", "best_bid", "best_ask")])


def last_change(books: dict[int, dict[str, Any]], levels: int) -> int:
    """The seq of the last event that changed what a view of so many levels shows."""
    end, before = 0, None
    for seq, book in books.items():
        now = (book["bids"][: levels or 1], book["asks"][: levels or 1])
        if now != before:
            end, before = seq, now
    return end


def test_who_comes_back_to_a_view_is_shown_the_book_as_it_is(stage: Stage) -> None:
    scene = Scene(stage)
    for path, event_id in (
        ("/stream/BTC/USD?levels=3", "1-1"),
        ("/stream?symbols=BTC/USD&levels=3", "1"),
    ):
        with SseStream(scene.api.url, path, {"Last-Event-ID": event_id}) as stream:
            _, first = next(stream.events())
            assert (first["kind"], len(first["bids"])) == ("snapshot", 3)


def test_a_view_tells_when_its_book_is_not_followed(stage: Stage) -> None:
    scene = Scene(stage)
    view = View(stage, scene.api, "/stream/BTC/USD?view=top")
    view.read_until_seq({"BTC/USD": 50})
    scene.collector.stop()
    for _, event in view._stream.events():
        if event["kind"] == "status":
            assert (event["status"], event["reason"]) == ("syncing", "stopped")
            break
    else:
        raise AssertionError("the stream ended without a word")
