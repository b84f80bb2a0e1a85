"""`kraken-book record` has every event that the api sent, whatever is killed."""

from __future__ import annotations

import random
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
from redis import Redis

from kraken_book.contract.keys import SYMBOLS as SYMBOLS_KEY
from kraken_book.contract.keys import WAKE
from kraken_book.contract.script import WRITE
from kraken_book.contract.symbol_state import SymbolState, SymbolStatus, encode_symbol_state
from kraken_book.contract.write import WriteCall
from kraken_book.event import Lagged
from kraken_book.recording.reader import find_book_files, read_events
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.recorder import JOURNAL
from kraken_book.recording.recovery import recover_books
from kraken_book.recording.verify import verify_book_files
from kraken_book.timestamps import rfc3339
from lab.ports import free_port
from lab.process import Process
from lab.stage import Stage
from lab.waiting import wait_until
from lab.written_books import Event as WrittenEvent
from lab.written_books import book_call, snapshot, status, status_call, update

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD")
KILLS = 4


def recorder_of(stage: Stage, url: str, folder: Path, *more: str) -> Process:
    arguments = ("record", "--url", url, "--dir", str(folder), *more)
    return stage.program("kraken_book", *arguments)


def published(books: Redis, symbol: str) -> list[dict[str, Any]]:
    """Return all events of a book that the collector has published."""
    entries: Any = books.xrange(f"kraken:events:{{{symbol}}}")
    return [msgspec.json.decode(fields[b"data"]) for _, fields in entries]


def first_id(books: Redis, symbol: str) -> int:
    """Return the time of a book's first event, in milliseconds."""
    ((event_id, _),) = cast("Any", books.xrange(f"kraken:events:{{{symbol}}}", count=1))
    return int(event_id.split(b"-")[0])


def records_after(folder: Path, milliseconds: int) -> bool:
    """Return whether the recorder has all books, and would resume after this time."""
    start = recover_books(folder / JOURNAL).start
    has_all = len(start.books) == len(SYMBOLS)
    return has_all and start.last_id is not None and int(start.last_id) > milliseconds


def has_published(books: Redis, events: int) -> bool:
    return len(published(books, SYMBOLS[0])) >= events


def recorded_in(folder: Path, symbol: str) -> list[RecordedEvent]:
    files = [each for each in find_book_files([folder]) if each.metadata.symbol == symbol]
    return list(read_events(files))


def as_published(recorded: RecordedEvent) -> dict[str, Any]:
    """Return a recorded event in the form of `published`, without the members of the book."""
    return without_top(msgspec.json.decode(msgspec.json.encode(recorded.event)))


def without_top(event: dict[str, Any]) -> dict[str, Any]:
    derived = {"best_bid", "best_ask", "spread"}
    return {name: value for name, value in event.items() if name not in derived}


def wait_until_recorded(folder: Path, seqs: dict[str, int]) -> None:
    """Return when the journal has these events."""

    def has_all() -> bool:
        books = recover_books(folder / JOURNAL).start.books
        return {book.symbol: book.seq for book in books} == seqs

    wait_until(has_all, f"{seqs} are recorded")


def test_recorder_has_each_event_once_though_it_and_the_api_are_killed(
    stage: Stage, tmp_path: Path
) -> None:
    redis = stage.redis(port=free_port())
    books = stage.enter(closing(Redis.from_url(redis.url)))
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "150")
    collector = stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)
    api.wait_until_live(*SYMBOLS)
    folder = tmp_path / "rec"
    recorder = recorder_of(stage, api.url, folder)
    # Otherwise nobody knows whether the stream had earlier events than its first.
    first_ids = [first_id(books, symbol) for symbol in SYMBOLS]
    wait_until(partial(records_after, folder, max(first_ids)), "it records")
    for number in range(KILLS):
        more = len(published(books, SYMBOLS[0])) + random.randint(5, 60)
        wait_until(partial(has_published, books, more), f"{more} events")
        if number == 1:
            api.kill()
            api.restart()
            api.wait_until_live(*SYMBOLS)
        recorder.kill()
        recorder.restart()
    # Its last events are the statuses of its stop.
    assert collector.stop() == 0
    events = {symbol: published(books, symbol) for symbol in SYMBOLS}
    wait_until_recorded(folder, {symbol: events[symbol][-1]["seq"] for symbol in SYMBOLS})
    assert recorder.stop() == 0
    for symbol in SYMBOLS:
        recorded = recorded_in(folder, symbol)
        assert [each for each in recorded if isinstance(each.event, Lagged)] == []
        numbered = [as_published(each) for each in recorded if each.position is not None]
        expected = [without_top(each) for each in events[symbol]]
        # The first event is the snapshot with which the api opened the stream.
        (start,) = [at for at, each in enumerate(expected) if each["seq"] == numbered[0]["seq"]]
        assert numbered[1:] == expected[start + 1 :]
    assert not list(folder.rglob("*.partial"))


def test_recorder_of_a_wildcard_records_only_its_books(stage: Stage, tmp_path: Path) -> None:
    redis = stage.redis()
    simulator = stage.simulator("--symbols", ",".join(SYMBOLS), "--rate", "50")
    stage.collector(redis.url, simulator.url, KRAKEN_SYMBOLS=",".join(SYMBOLS))
    api = stage.api(redis.url)
    api.wait_until_live(*SYMBOLS)
    folder = tmp_path / "rec"
    wanted = ("BTC/USD", "SOL/USD")
    recorder = recorder_of(
        stage, api.url, folder, "--symbols", "*/USD,!ETH/USD", "--rotate-seconds", "1"
    )
    wait_until(lambda: len(list(folder.rglob("*.parquet"))) >= 4, "files are finished")
    assert recorder.stop() == 0
    assert {each.metadata.symbol for each in find_book_files([folder])} == set(wanted)
    assert "recorded: " in recorder.log


def test_recorder_says_why_it_cannot_record(stage: Stage, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    silent = recorder_of(stage, url, tmp_path / "rec", "--wait", "1")
    assert silent.wait_for_end() == 1
    assert "connection refused" in silent.log
    file = tmp_path / "file"
    file.write_text("")
    assert recorder_of(stage, url, file).wait_for_end() == 1
    refused = recorder_of(stage, url, tmp_path / "rec", "--symbols", "BTC")
    assert refused.wait_for_end() == 2
    assert "'BTC' is no symbol" in refused.log
    for each in stage.services:
        assert "Traceback" not in each.log


class ScriptedBooks:
    """Writes events of books to Redis as a collector does."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def book(self, symbol: str, *events: WrittenEvent) -> None:
        """Write events and their book."""
        now = rfc3339(time.time_ns())
        self._write(book_call(1, events, symbol=symbol, confirmed_at=now))

    def status(self, symbol: str, *events: WrittenEvent) -> None:
        """Write events without a book."""
        self._write(status_call(1, events, symbol=symbol))

    def listed(self, symbol: str, status: SymbolStatus, reason: str | None = None) -> None:
        """Write the state of a symbol to the list."""
        state = SymbolState(status, reason, "simulated", "0/1", 10, 1, 8)
        self._redis.hset(SYMBOLS_KEY, symbol, encode_symbol_state(state))

    def _write(self, call: WriteCall) -> None:
        self._redis.eval(WRITE.text, *cast("Any", call.arguments))
        self._redis.xadd(WAKE, {"s": call.symbol})


def test_recorder_loses_and_repeats_no_event_of_a_symbol_that_is_refused_while_it_is_away(
    stage: Stage, tmp_path: Path
) -> None:
    redis = stage.redis()
    scripted = ScriptedBooks(stage.enter(closing(Redis.from_url(redis.url))))
    for symbol in ("BTC/USD", "ETH/USD"):
        scripted.book(symbol, snapshot(1), update(2))
        scripted.listed(symbol, "live")
    api = stage.api(redis.url)
    folder = tmp_path / "rec"
    recorder = recorder_of(stage, api.url, folder)
    wait_until_recorded(folder, {"BTC/USD": 2, "ETH/USD": 2})
    recorder.kill()
    scripted.status("ETH/USD", status(3))
    scripted.listed("ETH/USD", "refused", "Trading is paused")
    scripted.book("BTC/USD", update(3))
    wait_until(lambda: api.get("/symbols").json() == ["BTC/USD"], "the api knows the refusal")
    # The second recorder begins with a checkpoint that has no book of ETH/USD.
    for seq in (4, 5):
        recorder.restart()
        scripted.book("BTC/USD", update(seq))
        wait_until_recorded(folder, {"BTC/USD": seq, "ETH/USD": 3})
        recorder.kill()
    scripted.status("ETH/USD", status(4))
    scripted.book("ETH/USD", snapshot(5), update(6))
    scripted.listed("ETH/USD", "live")
    recorder.restart()
    wait_until_recorded(folder, {"BTC/USD": 5, "ETH/USD": 6})
    assert recorder.stop() == 0
    for symbol, last in (("BTC/USD", 5), ("ETH/USD", 6)):
        recorded = recorded_in(folder, symbol)
        assert [each for each in recorded if isinstance(each.event, Lagged)] == []
        # Snapshots that the api makes repeat a position.
        numbered = [each.position.seq for each in recorded if each.position is not None]
        assert sorted(set(numbered)) == numbered[:1] + list(range(3, last + 1))
        assert numbered == sorted(numbered)
    assert [verdict.described for verdict in verify_book_files(find_book_files([folder]))] == [
        [] for _ in find_book_files([folder])
    ]
