"""Views limit levels or frequency; each event shows the book of its seq."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.ladder import Ladder
from lab.services import Api, Collector, SimulatorProcess
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.stored_books import StoredBooks, wait_until_still

SYMBOLS = ("BTC/USD", "ETH/USD")
UPDATES = 2000
# Each view with the number of levels that it shows.
VIEWS = {
    "/stream/BTC/USD?levels=3": 3,
    "/stream/BTC/USD?view=top": 0,
    "/stream/BTC/USD?interval=50ms": 10,
    "/stream?symbols=BTC/USD,ETH/USD&levels=10": 10,
    "/stream?symbols=*&levels=2&interval=100ms": 2,
    "/stream?symbols=*&view=top&interval=0.02s": 0,
}


class View:
    """A stream of a view, with all its events so far."""

    def __init__(self, stage: Stage, api: Api, path: str) -> None:
        self._stream = SseStream(api.url, path)
        stage.undo(self._stream.close)
        self.events: list[dict[str, Any]] = []
        self.ids: list[str | None] = []

    def rest(self) -> Iterator[dict[str, Any]]:
        """Yield the events that have not been read yet."""
        for _, event in self._stream.events():
            yield event

    def read_until_seq(self, seqs: dict[str, int]) -> None:
        """Read until the view has shown each symbol at this seq or a later one."""
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
    """Books that move while they are viewed, and then rest."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        redis = stage.redis()
        self.simulator: SimulatorProcess = stage.simulator(
            *("--symbols", ",".join(SYMBOLS)),
            *("--rate", "400", "--updates", str(UPDATES), "--control", "0"),
        )
        self.collector: Collector = stage.collector(
            redis.url, self.simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS)
        )
        self.api = stage.api(redis.url)
        self.api.wait_until_live(*SYMBOLS)
        self.streams = StoredBooks(redis.url)
        stage.undo(self.streams.close)
        self.views = {path: View(stage, self.api, path) for path in VIEWS}
        for path, view in self.views.items():
            view.read_until_seq(dict.fromkeys(symbols_of(path), 200))
        wait_until_still(self.simulator, self.collector, self.streams, *SYMBOLS)
        self.last = {symbol: self.streams.last_seq(symbol) for symbol in SYMBOLS}
        self.books = {symbol: self._states(symbol) for symbol in SYMBOLS}

    def _states(self, symbol: str) -> dict[int, dict[str, Any]]:
        """Return the whole book after each event of a stream, by seq."""
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


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    return Scene(module_stage)


def symbols_of(path: str) -> tuple[str, ...]:
    """Return the symbols of a view."""
    return SYMBOLS if "symbols=" in path else ("BTC/USD",)


@pytest.mark.parametrize(("path", "levels"), VIEWS.items())
def test_view_event_shows_the_book_of_its_seq(scene: Scene, path: str, levels: int) -> None:
    view, symbols, books = scene.views[path], symbols_of(path), scene.books
    # The last event of the stream may have changed nothing in the view.
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
        assert scene.last[symbol] >= shown[-1]["seq"]
    assert {event["kind"] for event in view.events} <= {"snapshot", "status"}


def seen(event: dict[str, Any]) -> str:
    """Return the visible part of an event."""
    return json.dumps([event[name] for name in ("bids", "asks", "best_bid", "best_ask")])


def last_change(books: dict[int, dict[str, Any]], levels: int) -> int:
    """Return the seq of the last event that changed a view of so many levels."""
    end, before = 0, None
    for seq, book in books.items():
        now = (book["bids"][: levels or 1], book["asks"][: levels or 1])
        if now != before:
            end, before = seq, now
    return end


def test_resumed_view_begins_with_snapshot(scene: Scene) -> None:
    for path, event_id in (
        ("/stream/BTC/USD?levels=3", "1-1"),
        ("/stream?symbols=BTC/USD&levels=3", "1"),
    ):
        with SseStream(scene.api.url, path, {"Last-Event-ID": event_id}) as stream:
            _, first = next(stream.events())
            assert (first["kind"], len(first["bids"])) == ("snapshot", 3)


def test_view_reports_book_that_is_not_followed(scene: Scene, stage: Stage) -> None:
    view = View(stage, scene.api, "/stream/BTC/USD?view=top")
    view.read_until_seq({"BTC/USD": 50})
    scene.collector.stop()
    stage.undo(scene.collector.restart)
    for event in view.rest():
        if event["kind"] == "status":
            assert (event["status"], event["reason"]) == ("syncing", "stopped")
            break
    else:
        raise AssertionError("the stream ended without a word")
