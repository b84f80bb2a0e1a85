"""Streams repeat and miss no event, on any replica, whatever other readers do."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from lab.ladder import Ladder, require
from lab.services import Api
from lab.sse.stream import SseStream, StreamRefusedError, stream_path
from lab.sse.watch import StreamWatch
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import DEADLINE, wait_until
from launcher.embedded_redis import EmbeddedRedis

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "DOGE/USD")
JOINS = 40
EVENTS_OF_A_JOIN = 100


@dataclass
class Scene:
    """Moving books, and two replicas that serve them."""

    redis: EmbeddedRedis
    api: Api
    other: Api
    streams: StoredBooks


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Iterator[Scene]:
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "600")
    module_stage.collector(
        redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS), STREAM_MAXLEN="1000000"
    )
    api, other = module_stage.api(redis.url), module_stage.api(redis.url)
    api.wait_until_live(*SYMBOLS)
    other.wait_until_live(*SYMBOLS)
    streams = StoredBooks(redis.url)
    yield Scene(redis, api, other, streams)
    streams.close()


def read(stream: SseStream, ladder: Ladder, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Apply events to the ladder; return the first `count` numbered ones with their ids."""
    read_so_far: list[tuple[str, dict[str, Any]]] = []
    for event_id, event in stream.events():
        ladder.take(event)
        if event_id is not None:
            require(event_id.endswith(f"-{event['seq']}"), f"the id {event_id}", event)
            read_so_far.append((event_id, event))
        if len(read_so_far) >= count:
            return read_so_far
    raise AssertionError("the stream ended")


def as_published(scene: Scene, symbol: str, first_id: str, count: int) -> list[Any]:
    """Return the events after an id from Redis, each with its id."""
    entries = scene.streams.entries(symbol, first_id)[:count]
    return [(entry_id, json.loads(fields["data"])) for entry_id, fields in entries]


def test_join_at_any_moment_gets_snapshot_and_then_every_event(scene: Scene) -> None:
    wrong: list[str] = []

    def join(number: int) -> None:
        pause = threading.Event()
        pause.wait(random.random() * 2)
        symbol = SYMBOLS[number % len(SYMBOLS)]
        api = (scene.api, scene.other)[number % 2]
        try:
            with api.stream(symbol) as stream:
                got = read(stream, Ladder(symbol), EVENTS_OF_A_JOIN)
            assert got[0][1]["kind"] == "snapshot"
            seqs = [event["seq"] for _, event in got]
            assert seqs == list(range(seqs[0], seqs[0] + EVENTS_OF_A_JOIN))
            published = as_published(scene, symbol, got[0][0], EVENTS_OF_A_JOIN - 1)
            assert got[1:] == published
        except Exception as error:  # noqa: BLE001 - asserted below
            wrong.append(f"{number}: {type(error).__name__}: {error}"[:2000])

    joins = [threading.Thread(target=join, args=(number,)) for number in range(JOINS)]
    for each in joins:
        each.start()
    for each in joins:
        each.join(60)
    assert not any(each.is_alive() for each in joins)
    assert wrong == []


@pytest.mark.parametrize("how", ["header", "parameter"])
def test_reader_resumes_on_another_replica_without_gap(scene: Scene, how: str) -> None:
    symbol = "BTC/USD"
    ladder = Ladder(symbol)
    with scene.api.stream(symbol) as stream:
        last_id, _ = read(stream, ladder, 30)[-1]
    scene.streams.wait_for_seq(symbol, ladder.seq + 50)
    path, headers = stream_path(symbol), {}
    if how == "header":
        headers = {"Last-Event-ID": last_id}
    else:
        path += f"?last_event_id={last_id}"
    with SseStream(scene.other.url, path, headers) as stream:
        # The same ladder accepts them: no snapshot, no gap, no repeat.
        got = read(stream, ladder, 200)
    assert ladder.counts.snapshots == 1
    assert ladder.counts.lagged == 0
    assert got == as_published(scene, symbol, last_id, 200)


def test_reader_resumes_from_oldest_event(scene: Scene) -> None:
    symbol = "ETH/USD"
    entries = scene.streams.entries(symbol)
    first_id = entries[0][0]
    with scene.other.stream(symbol, Last_Event_ID=first_id) as stream:
        got = [event["seq"] for _, event in stream_events(stream, len(entries) + 50)]
    first = int(first_id.partition("-")[2]) + 1
    assert got == list(range(first, first + len(got)))


def stream_events(stream: SseStream, count: int) -> list[tuple[str | None, dict[str, Any]]]:
    events = stream.events()
    return [next(events) for _ in range(count)]


@pytest.mark.parametrize("given", ["x", "12", "-1", "1-", "1-1-1", "0x1-1", "1785638131660-\u0661"])
def test_malformed_event_id_gets_400(scene: Scene, given: str) -> None:
    answer = scene.api.get("/stream/BTC%2FUSD", params={"last_event_id": given})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["parameter"] == "last_event_id"
    if given.isascii():
        with pytest.raises(StreamRefusedError) as refused:
            scene.api.stream("BTC/USD", Last_Event_ID=given)
        assert refused.value.status == 400


def test_resume_after_trim_sends_lagged_then_snapshot(scene: Scene) -> None:
    symbol = "SOL/USD"
    scene.streams.wait_for_seq(symbol, 100)
    gone = scene.streams.entries(symbol)[20][0]
    scene.streams.client.xtrim(f"kraken:events:{{{symbol}}}", maxlen=20, approximate=False)
    for event_id in (gone, "1-1", "999999999999999-1"):
        ladder = Ladder(symbol)
        with scene.other.stream(symbol, Last_Event_ID=event_id) as stream:
            (_, lagged), (_, snapshot) = stream_events(stream, 2)
            assert (lagged["kind"], lagged["reason"]) == ("lagged", "unknown")
            assert lagged["missed"] is None
            assert snapshot["kind"] == "snapshot"
            ladder.take(snapshot)
            read(stream, ladder, 20)


def test_closed_streams_are_forgotten(scene: Scene) -> None:
    def readers() -> float:
        return scene.api.metric("kraken_book_readers")

    wait_until(lambda: readers() == 0, "there is no reader yet")
    open_streams = [scene.api.stream(symbol) for symbol in SYMBOLS for _ in range(5)]
    wait_until(lambda: readers() == len(open_streams), "all readers are counted")
    assert scene.api.metric("kraken_book_followed_symbols") == len(SYMBOLS)
    for stream in open_streams:
        stream.close()
    wait_until(lambda: readers() == 0, "all readers are forgotten")
    wait_until(
        lambda: scene.api.metric("kraken_book_followed_symbols") == 0, "no symbol is followed"
    )


def test_join_at_great_depth_has_no_gap_although_hash_lags_behind_stream(
    stage: Stage,
) -> None:
    symbol = "BTC/USD"
    redis = stage.redis()
    simulator = stage.simulator("--symbols", symbol, "--rate", "500")
    stage.collector(
        redis.url,
        simulator.url,
        KRAKEN_SYMBOLS=symbol,
        KRAKEN_DEPTH="1000",
        STREAM_MAXLEN="1000000",
    )
    api = stage.api(redis.url)
    api.wait_until_live(symbol)
    streams = StoredBooks(redis.url)
    stage.undo(streams.close)

    def lags_behind() -> bool:
        book = streams.book(symbol)
        return int(book["seq"]) < int(book["stream_seq"])

    for _ in range(20):
        wait_until(lags_behind, "the book of the hash is older than the stream")
        with api.stream(symbol) as stream:
            got = read(stream, Ladder(symbol), 50)
        seqs = [event["seq"] for _, event in got]
        assert seqs == list(range(seqs[0], seqs[0] + 50))


def reader_that_does_not_read(api: Api, symbol: str) -> socket.socket:
    """Return a client that requested a stream and reads nothing; its receive buffer is small."""
    address = urlsplit(api.url)
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    stuck.connect((address.hostname, address.port))
    stuck.sendall(f"GET {stream_path(symbol)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return stuck


def test_stuck_reader_is_cut_off_and_delays_no_other(stage: Stage) -> None:
    symbol = "BTC/USD"
    redis = stage.redis()
    simulator = stage.simulator("--symbols", symbol, "--rate", "4000")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=symbol, STREAM_MAXLEN="1000000")
    api = stage.api(redis.url, API_WRITE_TIMEOUT="2")
    api.wait_until_live(symbol)
    with reader_that_does_not_read(api, symbol):
        reader = api.watch(symbol)
        stage.undo(reader.leave)

        def cut_off() -> bool:
            reader.check()
            return api.metric("kraken_book_cut_off_total") == 1

        wait_until(cut_off, "the stuck reader is cut off")
        reader.wait_for_seq(reader.ladder.seq + 100)
    wait_until(lambda: api.metric("kraken_book_readers") == 1, "the stuck reader is forgotten")
    reader.check()
    assert reader.ladder.counts.lagged == 0


def test_sigterm_ends_each_stream_with_farewell_and_then_the_process(
    scene: Scene, stage: Stage
) -> None:
    # Several, because a fault that keeps a process from ending may be rare.
    replicas = [stage.api(scene.redis.url) for _ in range(3)]
    watches = [
        replica.watch(symbol) for replica in replicas for symbol in SYMBOLS for _ in range(2)
    ]
    for watch in watches:
        stage.undo(watch.leave)
        watch.wait_for_seq(1)
    for replica in replicas:
        assert replica.stop(limit=5.0) == 0
        assert "Traceback" not in replica.log
    for watch in watches:
        assert watch.ended.wait(DEADLINE)
        watch.check()
        assert watch.farewell is not None
        assert watch.farewell > 0
    # The delays have jitter, so that readers do not reconnect at the same time.
    assert len({watch.farewell for watch in watches}) > 1
    for watch in watches[:2]:
        goes_on(scene.other, watch)


def test_draining_replica_sends_new_reader_snapshot_and_farewell(stage: Stage) -> None:
    """A browser's EventSource reconnects after a farewell, and gives up after an error."""
    symbol = "BTC/USD"
    redis = stage.redis()
    simulator = stage.simulator("--symbols", symbol, "--rate", "6000")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=symbol, STREAM_MAXLEN="1000000")
    # The stuck reader prolongs the drain, so that the test can meet it.
    api = stage.api(redis.url, API_DRAIN="20")
    api.wait_until_live(symbol)
    with reader_that_does_not_read(api, symbol):
        wait_until(lambda: takes_nothing_more(api), "its buffers are full")
        watch = api.watch(symbol)
        watch.wait_for_seq(1)
        api.process.terminate()
        assert api.answers("/readyz", 503).json()["type"] == "urn:kraken-book:draining"
        assert watch.ended.wait(DEADLINE)
        late = api.watch(symbol)
        assert late.ended.wait(DEADLINE)
        late.check()
        assert late.events[0]["kind"] == "snapshot"
        assert late.farewell is not None
    assert api.wait_for_end(25) == 0


def takes_nothing_more(api: Api) -> bool:
    """Return whether the replica wrote to no stream while it read 500 events."""
    read, writes = "kraken_book_events_read_total", "kraken_book_stream_writes_total"
    readers, written = api.metric("kraken_book_readers"), api.metric(writes)
    enough = api.metric(read) + 500
    wait_until(lambda: api.metric(read) >= enough, "500 events more")
    return readers > 0 and api.metric(writes) == written


def goes_on(api: Api, watch: StreamWatch) -> None:
    """Assert that the reader resumes on another replica without a loss."""
    last_id = watch.ids[-1]
    assert last_id is not None
    with api.stream(watch.ladder.symbol, Last_Event_ID=last_id) as stream:
        read(stream, watch.ladder, 20)
    assert watch.ladder.counts.lagged == 0
