"""`kraken-book replay`: readers of an api get the recorded events as they were published."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from redis import Redis

from kraken_book import watch
from kraken_book.event import Snapshot, Update, decode_event
from kraken_book.recording.reader import find_book_files, read_events
from kraken_book.recording.recorder import JOURNAL
from kraken_book.recording.recovery import recover_books
from kraken_book.verified_book import VerifiedBook
from lab.process import Process
from lab.services import Api
from lab.stage import Stage
from lab.waiting import wait_until

SYMBOLS = ("BTC/USD", "ETH/USD")
EVENTS = 60
Entry = tuple[str, str]


class Recorded(NamedTuple):
    """A recording, and what the collector published meanwhile."""

    folder: Path
    published: dict[str, list[str]]


class Scene(NamedTuple):
    """A Redis without a collector, and an api."""

    stage: Stage
    url: str
    redis: Redis
    api: Api

    def replay(self, folder: Path, *more: str) -> Process:
        arguments = ("replay", str(folder), "--redis-url", self.url, *more)
        return self.stage.program("kraken_book", *arguments)

    def entries(self, symbol: str) -> list[Entry]:
        found: Any = self.redis.xrange(f"kraken:events:{{{symbol}}}")
        return [(entry_id, fields["data"]) for entry_id, fields in found]


def entries_in(redis: Redis, symbol: str) -> list[str]:
    found: Any = redis.xrange(f"kraken:events:{{{symbol}}}")
    return [fields["data"] for _, fields in found]


@pytest.fixture(scope="module")
def recorded(module_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    stage = module_stage
    url = stage.redis().url
    redis = stage.enter(closing(Redis.from_url(url, decode_responses=True)))
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "150")
    collector = stage.collector(url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(url)
    api.wait_until_live(*SYMBOLS)
    folder = tmp_path_factory.mktemp("rec")
    recorder = stage.program("kraken_book", "record", "--url", api.url, "--dir", str(folder))

    first_seqs: dict[str, int] = {}

    def has_events() -> bool:
        books = recover_books(folder / JOURNAL).start.books
        counts = [
            (book.seq or 0) - first_seqs.setdefault(book.symbol, book.seq or 0) for book in books
        ]
        return len(books) == len(SYMBOLS) and min(counts) > EVENTS

    wait_until(has_events, "events are recorded")
    assert recorder.stop() == 0
    assert collector.stop() == 0
    return Recorded(folder, {symbol: entries_in(redis, symbol) for symbol in SYMBOLS})


@pytest.fixture
def scene(stage: Stage) -> Scene:
    url = stage.redis().url
    redis = stage.enter(closing(Redis.from_url(url, decode_responses=True)))
    return Scene(stage, url, redis, stage.api(url))


def updates_of(data: list[str]) -> list[str]:
    return [each for each in data if isinstance(decode_event(each), Update)]


def test_replay_writes_the_updates_of_the_collector_to_the_byte_and_readers_resume(
    scene: Scene, recorded: Recorded
) -> None:
    replayer = scene.replay(recorded.folder, "--speed", "max", "--lead-in", "0")
    assert replayer.wait_for_end() == 0, replayer.log
    for symbol in SYMBOLS:
        entries = scene.entries(symbol)
        written = [data for _, data in entries]
        (first, *rest) = written
        updates = updates_of(rest)
        assert isinstance(decode_event(first), Snapshot)
        assert len(updates) == len(rest) - 1 > 20
        assert '"reason":"stopped"' in rest[-1]
        published = updates_of(recorded.published[symbol])
        start = published.index(updates[0])
        assert published[start : start + len(updates)] == updates
        # A reader that resumes on the api gets the rest.
        middle = entries[len(entries) // 2]
        with scene.api.stream(symbol, Last_Event_ID=middle[0]) as stream:
            got = []
            for message in stream.messages():
                if message.data:
                    got.append("\n".join(message.data))
                if len(got) == len(entries) - entries.index(middle) - 1:
                    break
        assert got == [data for _, data in entries[entries.index(middle) + 1 :]]
    depth = scene.api.get("/depth/BTC/USD")
    assert depth.headers["X-Book-Source"] == "replay"
    # It is not confirmed any more, so it becomes a problem with the last book.
    book = depth.json().get("book") or depth.json()
    assert (book["source"], book["status"]) == ("replay", "syncing")


def test_reader_that_waits_gets_each_recorded_update_verified(
    scene: Scene, recorded: Recorded
) -> None:
    scene.replay(recorded.folder, "--speed", "10", "--lead-in", "1.5")
    last = {
        each.symbol: each.event.seq
        for each in read_events(find_book_files([recorded.folder]))
        if isinstance(each.event, Update)
    }
    got: list[tuple[str, int]] = []
    for book in watch(scene.api.url, *SYMBOLS):
        assert not book.is_doubted
        if isinstance(book.event, Update | Snapshot):
            assert book.source == "replay"
            got.append((book.symbol, book.event.seq))
        if book.reason == "stopped":
            last.pop(book.symbol)
            if not last:
                break
    for symbol in SYMBOLS:
        seqs = [seq for name, seq in got if name == symbol]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        files = [
            each.event.seq
            for each in read_events(find_book_files([recorded.folder]))
            if each.symbol == symbol and isinstance(each.event, Update)
        ]
        assert seqs[1:] == files


def test_replay_that_is_killed_begins_again_with_newer_epochs_and_loops(
    scene: Scene, recorded: Recorded
) -> None:
    first = scene.replay(recorded.folder, "--speed", "0.5", "--lead-in", "0")
    wait_until(lambda: len(scene.entries("BTC/USD")) > 5, "events are written")
    first.kill()
    again = scene.replay(recorded.folder, "--speed", "max", "--lead-in", "0", "--loop")
    wait_until(has_epochs(scene, 4), "three passes")
    assert again.stop() == 0
    for symbol in SYMBOLS:
        book = VerifiedBook(symbol)
        epochs = []
        for _, data in scene.entries(symbol):
            event: Any = decode_event(data)
            epochs.append(event.epoch)
            if book.position is not None or isinstance(event, Snapshot):
                book.apply(event)
        assert epochs == sorted(epochs)
        assert book.counts.doubts == book.counts.repeated == 0
        assert event.reason == "stopped"
    for each in (first, again):
        assert "Traceback" not in each.log


def has_epochs(scene: Scene, number: int) -> Callable[[], bool]:
    def has() -> bool:
        events: list[Any] = [decode_event(data) for _, data in scene.entries("BTC/USD")]
        return len({event.epoch for event in events}) >= number

    return has


def test_replay_goes_on_after_redis_was_restarted(stage: Stage, recorded: Recorded) -> None:
    server = stage.redis()
    redis = stage.enter(closing(Redis.from_url(server.url, decode_responses=True)))
    replayer = stage.program(
        "kraken_book", "replay", str(recorded.folder), "--redis-url", server.url, "--lead-in", "0",
        "--loop", "--speed", "5",
    )  # fmt: skip
    wait_until(lambda: len(entries_in(redis, "BTC/USD")) > 5, "events are written")
    server.restart()
    wait_until(lambda: len(entries_in(redis, "BTC/USD")) > 5, "events are written again")
    first = decode_event(entries_in(redis, "BTC/USD")[0])
    assert isinstance(first, Snapshot)
    assert replayer.stop() == 0
    assert "no answer, trying again" in replayer.log
    assert "answers again" in replayer.log
