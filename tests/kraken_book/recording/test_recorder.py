"""A recorder writes each event once, and gaps where events are missing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from kraken_book.book import Book
from kraken_book.client.live_book import LiveBook
from kraken_book.errors import Unusable
from kraken_book.event import Lagged, Snapshot, StatusChange, Update
from kraken_book.position import Position
from kraken_book.precision import Precision
from kraken_book.recording.manifest import read_manifest
from kraken_book.recording.reader import find_book_files, read_file
from kraken_book.recording.recorder import Recorder
from tests.kraken_book.recording.made import events_of
from tests.kraken_book.recording.recorder_steps import (
    Clock,
    events_in,
    faults_in,
    flush,
    killed,
    record,
    recorded_in,
    some_events,
    started,
    status_at,
)

LOST = StatusChange("BTC/USD", None, None, "stale", "disconnected", "2026-11-27T18:00:00.000000Z")


def test_recorder_writes_each_event_once_in_order(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    events = some_events()
    book = LiveBook("BTC/USD")
    record(recorder, book, events[:4])
    flush(recorder)
    record(recorder, book, events[4:])
    (line,) = recorder.close()
    assert events_in(tmp_path) == events
    assert (recorder.events, recorder.gaps) == (10, 0)
    assert (line.file.events, line.file.last_seq, line.file.last_id) == (10, 10, "5-1")
    assert read_manifest(tmp_path) == [line]


def test_new_part_begins_each_file_with_the_book_before_it(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    bitcoin, ether = LiveBook("BTC/USD"), LiveBook("ETH/USD")
    events = some_events()
    record(recorder, ether, some_events("ETH/USD"))
    record(recorder, bitcoin, events[:5])
    flush(recorder, ends_part=True)
    record(recorder, bitcoin, events[5:])
    recorder.close()
    # A book without events gets no file.
    files = find_book_files([tmp_path])
    assert [file.metadata.symbol for file in files] == ["ETH/USD", "BTC/USD", "BTC/USD"]
    first = next(iter(read_file(files[-1])))
    assert (first.is_continued, first.position) == (True, Position(7, 5))
    assert files[-1].metadata.events == 5
    assert [each for each in events_in(tmp_path) if each.symbol == "BTC/USD"] == events
    alone = LiveBook("BTC/USD")
    for recorded in read_file(files[-1]):
        alone.apply(recorded.event)
    assert (alone.bids, alone.seq) == (bitcoin.bids, bitcoin.seq)


def test_missing_events_before_a_snapshot_of_the_api_are_a_gap(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    book, events = LiveBook("BTC/USD"), some_events()
    later = [recorded.event for recorded in events_of("BTC/USD", first_seq=21)]
    record(recorder, book, events)
    book.begin()
    record(recorder, book, later)
    recorder.close()
    gap = Lagged("BTC/USD", 11, "unrecorded")  # type: ignore[arg-type]
    assert events_in(tmp_path) == [*events, gap, *later]
    assert (recorder.gaps, recorder.missed) == (1, 11)


def test_status_that_does_not_follow_is_recorded_after_a_gap(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    book, events = LiveBook("BTC/USD"), [*some_events(), status_at(11)]
    record(recorder, book, [*events, status_at(14)])
    book.begin()
    later = [recorded.event for recorded in events_of("BTC/USD", first_seq=21)]
    record(recorder, book, later)
    recorder.close()
    gaps = [Lagged("BTC/USD", n, "unrecorded") for n in (2, 7)]  # type: ignore[arg-type]
    numbered = [
        each for each in recorded_in(tmp_path) if each.position or type(each.event) is Lagged
    ]
    expected = [*events, gaps[0], status_at(14), gaps[1], *later]
    assert [each.event for each in numbered] == expected
    assert faults_in(tmp_path) == []


def test_book_of_an_earlier_epoch_is_recorded_after_a_gap(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    book, events = LiveBook("BTC/USD"), [*some_events(), status_at(11, epoch=8)]
    record(recorder, book, events)
    book.begin()
    later = [recorded.event for recorded in events_of("BTC/USD", first_seq=3)]
    record(recorder, book, later)
    recorder.close()
    gap = Lagged("BTC/USD", None, "unrecorded")  # type: ignore[arg-type]
    assert events_in(tmp_path) == [*events, gap, *later]
    assert faults_in(tmp_path) == []


def test_missing_events_that_the_api_tells_are_one_gap(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    book, events = LiveBook("BTC/USD"), some_events()
    later = [recorded.event for recorded in events_of("BTC/USD", first_seq=21)]
    told = Lagged("BTC/USD", 10, "trimmed")
    record(recorder, book, [*events, told, *later])
    recorder.close()
    assert events_in(tmp_path) == [*events, told, *later]
    assert (recorder.gaps, recorder.missed) == (1, 10)


def test_rejected_event_is_recorded_as_not_verified(tmp_path: Path) -> None:
    recorder = started(tmp_path / "rec")
    book, events = LiveBook("BTC/USD"), some_events(updates=2)
    assert isinstance(events[2], Update)
    wrong = msgspec.structs.replace(events[2], checksum=1)
    record(recorder, book, [*events[:2], wrong])
    flush(recorder)
    copy = killed(tmp_path / "rec", tmp_path / "copy")
    recorder.close()
    *good, rejected, status = recorded_in(tmp_path / "rec")
    assert [each.is_verified for each in good] == [True, True]
    assert (rejected.event, rejected.is_verified) == (wrong, False)
    assert isinstance(status.event, StatusChange)
    assert (status.event.status, status.event.reason) == ("syncing", "checksum")
    # The stream must begin with a snapshot, because the book is lost.
    other = Recorder(copy, Clock())
    assert other.recover().start == (None, ())
    other.close()


def test_book_with_another_depth_begins_another_file(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    book, events = LiveBook("BTC/USD"), some_events(updates=1)
    snapshot = events_of("BTC/USD", first_seq=3, updates=0)[0].event
    assert isinstance(snapshot, Snapshot)
    deeper = msgspec.structs.replace(
        snapshot, depth=25, received_at="2026-11-27T18:00:00.000000Z", conflated=0
    )
    record(recorder, book, [*events, deeper])
    recorder.close()
    assert [file.metadata.depth for file in find_book_files([tmp_path])] == [10, 25]
    assert events_in(tmp_path) == [*events, deeper]


def test_statuses_are_recorded_with_their_reasons(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    book = LiveBook("BTC/USD")
    record(recorder, book, [*some_events(updates=1), LOST])
    recorder.close()
    assert events_in(tmp_path)[-1] == LOST


def test_second_recorder_of_a_folder_is_refused(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    with pytest.raises(Unusable, match=r"another recorder writes into this folder"):
        Recorder(tmp_path)
    recorder.close()
    started(tmp_path).close()


def test_events_stay_in_order_if_the_clock_steps_back(tmp_path: Path) -> None:
    clock = Clock()
    recorder = started(tmp_path, clock)
    book, events = LiveBook("BTC/USD"), some_events()
    for number, event in enumerate(events):
        clock.now -= 3600 * 10**9
        record(recorder, book, [event])
        flush(recorder, ends_part=number % 3 == 0)
    recorder.close()
    assert events_in(tmp_path) == events


def test_book_that_fits_into_no_file_does_not_disturb_the_others(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    huge, book, events = LiveBook("ETH/USD"), LiveBook("BTC/USD"), some_events()
    (snapshot,) = some_events("ETH/USD", updates=0)
    assert isinstance(snapshot, Snapshot)
    asks = [(f"{10**19}.0", "1.00000000")]
    priced = Book("ETH/USD", 10, Precision(1, 8))
    priced.update(priced.levels(snapshot.bids), priced.levels(asks))
    record(
        recorder, huge, [msgspec.structs.replace(snapshot, asks=asks, checksum=priced.checksum())]
    )
    record(recorder, book, events[:5])
    flush(recorder, ends_part=True)
    record(recorder, book, events[5:])
    recorder.close()
    assert events_in(tmp_path) == events
    assert recorder.refused == 1
