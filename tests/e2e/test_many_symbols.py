"""Streams of many books send every event of each, on any replica, from a watermark on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice

import httpx
import pytest

from kraken_book.contract.keys import SYMBOLS as SYMBOLS_KEY
from kraken_book.contract.keys import events_key
from lab.ports import free_port
from lab.services import Collector, SimulatorProcess
from lab.sse.many_books import ManyBooksReader
from lab.sse.stream import SseStream
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
SOME = "/stream?symbols=BTC/USD,eth-usd"
ALL = "/stream?symbols=*"


class Scene:
    """A market of several books, and two replicas."""

    def __init__(self, stage: Stage) -> None:
        self.redis = stage.redis(port=free_port())
        self.simulator: SimulatorProcess = stage.simulator(
            "--symbols", ",".join(SYMBOLS), "--rate", "300", "--control", "0"
        )
        self.collector: Collector = stage.collector(
            self.redis.url,
            self.simulator.url,
            KRAKEN_SYMBOLS="*",
            COLLECTOR_LEASE="3",
            STREAM_MAXLEN="1000000",
        )
        self.collector.wait_until_live(len(SYMBOLS))
        self.one, self.two = (stage.api(self.redis.url) for _ in range(2))
        for api in (self.one, self.two):
            api.wait_until_live(*SYMBOLS)
        self.streams = StoredBooks(self.redis.url)
        stage.undo(self.streams.close)

    def wait_until_they_have_all(self, reader: ManyBooksReader, *symbols: str) -> None:
        """Return when the reader has all events in Redis of these symbols, and 20 more."""
        ends = {symbol: self.streams.last_seq(symbol) + 20 for symbol in symbols}
        for symbol, seq in ends.items():
            reader.wait_for_seq(symbol, seq)


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    return Scene(module_stage)


Read = Callable[..., ManyBooksReader]


@pytest.fixture
def read(scene: Scene) -> Iterator[Read]:
    """Return a function that opens a reader at the first replica."""
    with ExitStack() as undo:

        def open_reader(path: str, watermark: str | None = None) -> ManyBooksReader:
            reader = ManyBooksReader(scene.one.url, path, watermark)
            undo.callback(reader.leave)
            return reader

        yield open_reader


def test_many_book_stream_sends_each_event_once_in_order(scene: Scene, read: Read) -> None:
    some, every = read(SOME), read(ALL)
    scene.wait_until_they_have_all(some, "BTC/USD", "ETH/USD")
    scene.wait_until_they_have_all(every, *SYMBOLS)
    assert set(some.ladders) == {"BTC/USD", "ETH/USD"}
    for reader in (some, every):
        for ladder in reader.ladders.values():
            assert ladder.counts.lagged == 0
            assert ladder.counts.jumps == 0
            assert ladder.counts.verified > 20
        assert reader.repeats == 0

    scene.simulator.fault("list?symbol=NEW/USD")
    wait_until(lambda: "NEW/USD" in every.ladders, "the stream of all books has the new one")
    scene.wait_until_they_have_all(every, "NEW/USD")
    assert set(some.ladders) == {"BTC/USD", "ETH/USD"}
    scene.simulator.fault("pair_status?symbol=NEW/USD&status=delisted")
    scene.collector.wait_until_live(len(SYMBOLS))


def test_deleted_list_of_symbols_costs_no_event(scene: Scene, read: Read) -> None:
    every, view = read(ALL), read(ALL + "&levels=10")
    for reader in (every, view):
        scene.wait_until_they_have_all(reader, *SYMBOLS)
    for _ in range(5):
        scene.streams.client.delete(SYMBOLS_KEY)
        for reader in (every, view):
            scene.wait_until_they_have_all(reader, *SYMBOLS)
    wait_until(lambda: len(scene.streams.states()) == len(SYMBOLS), "all symbols are listed")
    for reader in (every, view):
        assert not any(ladder.counts.lagged for ladder in reader.ladders.values())
    assert not any(ladder.counts.jumps for ladder in every.ladders.values())


def test_reader_resumes_from_watermark_on_any_replica(scene: Scene, read: Read) -> None:
    reader = read(ALL)
    scene.wait_until_they_have_all(reader, *SYMBOLS)
    # That replica has no reader, so the missed events are only in Redis.
    reader.move_to(scene.two.url)
    scene.wait_until_they_have_all(reader, *SYMBOLS)
    # This replica has a reader, so the missed events are in its memory.
    other = read(ALL)
    scene.wait_until_they_have_all(other, *SYMBOLS)
    reader.move_to(scene.one.url)
    scene.wait_until_they_have_all(reader, *SYMBOLS)
    # The replica is killed.
    scene.one.kill()
    reader.move_to(scene.two.url)
    scene.wait_until_they_have_all(reader, *SYMBOLS)
    for ladder in reader.ladders.values():
        assert ladder.counts.lagged == 0
        assert ladder.counts.jumps == 0
    scene.one.restart()
    scene.one.wait_until_live(*SYMBOLS)


# One snapshot for each book; after an unknown watermark, a `lagged` before each snapshot.
@pytest.mark.parametrize(
    ("headers", "opening"), [({}, 3), ({"Last-Event-ID": "999999999999999"}, 6)]
)
def test_reader_cut_off_during_opening_misses_no_book(
    scene: Scene, read: Read, headers: dict[str, str], opening: int
) -> None:
    for events in range(1, opening):
        with SseStream(scene.one.url, ALL, headers) as stream:
            ids = [event_id for event_id, _ in islice(stream.events(), events) if event_id]
        reader = read(ALL, watermark=ids[-1] if ids else None)
        scene.wait_until_they_have_all(reader, *SYMBOLS)
        assert all(ladder.counts.snapshots for ladder in reader.ladders.values())


def test_resume_after_trimmed_watermark_sends_lagged(scene: Scene, read: Read) -> None:
    reader = read(ALL)
    scene.wait_until_they_have_all(reader, *SYMBOLS)
    reader.leave()
    for symbol in SYMBOLS:
        scene.streams.wait_for_seq(symbol, reader.ladders[symbol].seq + 100)
        scene.streams.client.xtrim(events_key(symbol), maxlen=20, approximate=False)
    reader.move_to(scene.two.url)
    scene.wait_until_they_have_all(reader, *SYMBOLS)
    for symbol in SYMBOLS:
        assert [event["reason"] for event in reader.lagged[symbol]] == ["trimmed"], symbol
        assert reader.lagged[symbol][0]["missed"] is None
    # A watermark of the future is from another Redis or another clock.
    future = read(SOME, watermark="999999999999999")
    scene.wait_until_they_have_all(future, "BTC/USD", "ETH/USD")
    assert [event["reason"] for event in future.lagged["BTC/USD"]] == ["unknown"]


def test_many_book_stream_survives_empty_redis_and_killed_leader(scene: Scene, read: Read) -> None:
    reader = read(ALL)
    scene.wait_until_they_have_all(reader, *SYMBOLS)
    before = {symbol: reader.ladders[symbol].seq for symbol in SYMBOLS}
    scene.redis.kill()
    scene.redis.start()
    for symbol in SYMBOLS:
        reader.wait_for_seq(symbol, before[symbol] + 50)
    for symbol in SYMBOLS:
        assert {event["reason"] for event in reader.lagged[symbol]} <= {"redis"}
    scene.collector.kill()
    scene.collector.restart()
    scene.collector.wait_until_live(len(SYMBOLS))
    scene.wait_until_they_have_all(reader, *SYMBOLS)
    reader.check()


@pytest.mark.parametrize(
    ("query", "parameter", "correction"),
    [
        ("", "symbols", "symbols=*"),
        ("symbols=", "symbols", "symbols=*"),
        ("symbols=*,BTC/USD", "symbols", "not both"),
        ("symbols=*&levels=0", "levels", "above 0"),
        ("symbols=*&levels=ten", "levels", "such as 10"),
        ("symbols=*&view=bottom", "view", "top"),
        ("symbols=*&view=top&levels=3", "view", "not both"),
        ("symbols=*&interval=100", "interval", "100ms"),
        ("symbols=*&interval=1ms", "interval", "10ms"),
        ("symbols=*&last_event_id=1785638131660-7", "last_event_id", "1785638131660"),
    ],
)
def test_wrong_query_gets_400_with_correction(
    scene: Scene, query: str, parameter: str, correction: str
) -> None:
    answer = scene.one.get(f"/stream?{query}")
    assert answer.status_code == 400
    assert answer.json()["parameter"] == parameter
    assert correction in answer.json()["detail"]


def test_unknown_symbol_in_list_gets_404_with_nearest(scene: Scene) -> None:
    answer: httpx.Response = scene.one.get("/stream?symbols=BTC/USD,ETH/USDD")
    assert answer.status_code == 404
    assert "ETH/USD" in answer.json()["symbols"]
