"""Steps of a recorder, the events for it, and what its files have."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from kraken_book.client.live_book import LiveBook
from kraken_book.errors import BookInvalid
from kraken_book.event import Event, Snapshot, StatusChange
from kraken_book.recording.reader import find_book_files, read_events
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.recorder import Recorder
from kraken_book.recording.verify import verify_book_files
from tests.kraken_book.recording.made import START, events_of


class Clock:
    """A clock in nanoseconds that the test sets."""

    def __init__(self) -> None:
        self.now = START * 1000

    def __call__(self) -> int:
        self.now += 1000
        return self.now


def started(root: Path, clock: Clock | None = None) -> Recorder:
    recorder = Recorder(root, clock or Clock())
    recorder.recover()
    return recorder


def record(recorder: Recorder, book: LiveBook, events: Iterable[Event]) -> None:
    for number, event in enumerate(events):
        with suppress(BookInvalid):
            book.apply(event)
        recorder.record(book, f"{number}-1")


def flush(recorder: Recorder, *, ends_part: bool = False) -> None:
    recorder.write(recorder.take_steps(ends_part=ends_part))


def recorded_in(root: Path) -> list[RecordedEvent]:
    has_files = any(root.rglob("*.parquet"))
    return list(read_events(find_book_files([root]))) if has_files else []


def events_in(root: Path) -> list[Event]:
    return [recorded.event for recorded in recorded_in(root)]


def killed(root: Path, copy: Path) -> Path:
    """Return a copy of the folder, as a kill of the recorder at this moment would leave it."""
    return Path(shutil.copytree(root, copy))


def some_events(symbol: str = "BTC/USD", updates: int = 9) -> list[Event]:
    return [recorded.event for recorded in events_of(symbol, updates=updates)]


def status_at(seq: int, epoch: int = 7) -> StatusChange:
    at = "2026-11-27T18:00:01.000000Z"
    return StatusChange("BTC/USD", seq, epoch, "syncing", "quiet", at)


def of_collector(seq: int) -> Snapshot:
    """Return a snapshot that is an event of the stream."""
    event = events_of("BTC/USD", first_seq=seq, updates=0)[0].event
    assert isinstance(event, Snapshot)
    return msgspec.structs.replace(event, received_at=event.exchange_time, conflated=0)


def faults_in(root: Path) -> list[str]:
    verdicts = verify_book_files(find_book_files([root]))
    return [fault for verdict in verdicts for fault in verdict.described]
