"""A recorder writes each event once, and loses none that was written when it is killed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from kraken_book.book import Book
from kraken_book.client.live_book import LiveBook
from kraken_book.errors import BookInvalid, DamagedRecording, Unusable
from kraken_book.event import Event, Lagged, Snapshot, StatusChange, Update
from kraken_book.position import Position
from kraken_book.precision import Precision
from kraken_book.recording.layout import partial_of
from kraken_book.recording.manifest import read_manifest
from kraken_book.recording.reader import find_book_files, read_events, read_file
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.recorder import JOURNAL, Recorder
from kraken_book.recording.verify import verify_book_files
from tests.kraken_book.recording.made import START, events_of

LOST = StatusChange("BTC/USD", None, None, "stale", "disconnected", "2026-11-27T18:00:00.000000Z")


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


@pytest.mark.parametrize("more", [0, 3])
def test_recorder_continues_after_a_kill(tmp_path: Path, more: int) -> None:
    recorder = started(tmp_path / "rec")
    book, events = LiveBook("BTC/USD"), some_events()
    record(recorder, book, events[:3])
    flush(recorder, ends_part=True)
    record(recorder, book, events[3 : 3 + more])
    flush(recorder)
    record(recorder, book, events[3 + more : 9])
    copy = killed(tmp_path / "rec", tmp_path / "copy")
    other = Recorder(copy, Clock())
    found = other.recover()
    # The events that were not flushed come again, because the stream resumes after this id.
    assert found.start.last_id == (f"{more - 1}-1" if more else "2-1")
    (again,) = found.start.books
    assert again.seq == 3 + more
    assert len(found.lines) == (1 if more else 0)
    record(other, again, events[3 + more :])
    other.close()
    assert events_in(copy) == events


def test_journal_that_ends_anywhere_is_read_up_to_its_last_whole_entry(tmp_path: Path) -> None:
    recorder = started(tmp_path / "rec")
    book, events = LiveBook("BTC/USD"), some_events()
    for event in events:
        record(recorder, book, [event])
        flush(recorder)
    journal = (tmp_path / "rec" / JOURNAL).read_bytes()
    counts = set()
    for size in (*range(0, len(journal), len(journal) // 30), len(journal)):
        root = tmp_path / str(size)
        root.mkdir()
        (root / JOURNAL).write_bytes(journal[:size])
        other = Recorder(root, Clock())
        found = other.recover()
        other.close()
        # A journal that ends before its first event leaves no book file.
        read = events_in(root) if any(root.rglob("*.parquet")) else []
        assert read == events[: len(read)]
        assert [each.seq for each in found.start.books] == [len(read)] * bool(read)
        counts.add(len(read))
    assert {0, 10} < counts
    assert len(counts) > 8


def test_kill_at_the_end_of_a_part_leaves_no_event_twice(tmp_path: Path) -> None:
    recorder = started(tmp_path / "rec")
    events = some_events()
    record(recorder, LiveBook("BTC/USD"), events)
    flush(recorder)
    journal = (tmp_path / "rec" / JOURNAL).read_bytes()
    recorder.close()
    # The files are finished and in the manifest, but the journal was not replaced yet.
    copy = killed(tmp_path / "rec", tmp_path / "copy")
    (copy / JOURNAL).write_bytes(journal)
    half = partial_of(next(copy.rglob("*.parquet")))
    half.write_bytes(b"half of a file")
    other = Recorder(copy, Clock())
    other.recover()
    other.close()
    assert events_in(copy) == events
    assert len(read_manifest(copy)) == 1
    assert not half.exists()


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


@pytest.mark.parametrize("ends_part", [False, True])
@pytest.mark.parametrize("resumes", [False, True])
def test_events_that_come_again_after_a_kill_while_a_book_is_lost_are_recorded_once(
    tmp_path: Path, *, ends_part: bool, resumes: bool
) -> None:
    clock = Clock()
    recorder = started(tmp_path / "rec", clock)
    book, events = LiveBook("BTC/USD"), [*some_events(), status_at(11), status_at(12)]
    record(recorder, book, events)
    flush(recorder)
    clock.now += 61 * 10**9
    flush(recorder, ends_part=ends_part)
    copy = killed(tmp_path / "rec", tmp_path / "copy")
    recorder.close()
    other = Recorder(copy, Clock())
    (again,) = other.recover().start.books
    if not resumes:
        # The api opens with the last book, which is older than the statuses.
        again.begin()
        record(other, again, [opening_after(events)])
    later: list[Event] = [status_at(13), of_collector(14)]
    record(other, again, [*events[-2:], *later])
    other.close()
    assert events_in(copy) == [*events, *later]
    assert faults_in(copy) == []


def opening_after(events: list[Event]) -> Snapshot:
    """Return the snapshot with which an api opens a stream after `events`."""
    book = LiveBook("BTC/USD")
    for event in events:
        book.apply(event)
    last = [event for event in events if isinstance(event, Update)][-1]
    bids, asks = (
        [(str(price), str(qty)) for price, qty in each] for each in (book.bids, book.asks)
    )
    snapshot = events[0]
    assert isinstance(snapshot, Snapshot)
    return msgspec.structs.replace(
        snapshot, seq=last.seq, bids=bids, asks=asks, checksum=last.checksum
    )


def test_missing_events_after_a_kill_while_a_book_is_lost_are_a_gap(tmp_path: Path) -> None:
    recorder = started(tmp_path / "rec")
    events = [*some_events(), status_at(11)]
    record(recorder, LiveBook("BTC/USD"), events)
    flush(recorder, ends_part=True)
    copy = killed(tmp_path / "rec", tmp_path / "copy")
    recorder.close()
    other = Recorder(copy, Clock())
    (again,) = other.recover().start.books
    again.begin()
    later: list[Event] = [status_at(14), of_collector(15)]
    record(other, again, later)
    other.close()
    gap = Lagged("BTC/USD", 2, "unrecorded")  # type: ignore[arg-type]
    assert events_in(copy) == [*events, gap, *later]
    assert faults_in(copy) == []


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


def test_recorder_that_cannot_write_continues_later_from_its_journal(tmp_path: Path) -> None:
    recorder = started(tmp_path)
    book, events = LiveBook("BTC/USD"), some_events()
    record(recorder, book, events[:4])
    flush(recorder)
    record(recorder, book, events[4:])
    folder = tmp_path / "venue=kraken"
    folder.write_text("in the way")
    with pytest.raises(OSError, match=r"venue=kraken"):
        recorder.close()
    folder.unlink()
    other = Recorder(tmp_path, Clock())
    found = other.recover()
    assert [each.seq for each in found.start.books] == [10]
    other.close()
    assert events_in(tmp_path) == events


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


def test_recovery_reads_only_the_journal_after_its_newest_checkpoint(tmp_path: Path) -> None:
    clock = Clock()
    recorder = started(tmp_path / "rec", clock)
    book, events = LiveBook("BTC/USD"), some_events()
    record(recorder, book, events[:5])
    flush(recorder)
    clock.now += 61 * 10**9
    flush(recorder)
    record(recorder, book, events[5:])
    flush(recorder)
    copy = killed(tmp_path / "rec", tmp_path / "copy")
    recorder.close()
    other = Recorder(copy, Clock())
    (again,) = other.recover().start.books
    other.close()
    assert (again.seq, again.counts.verified) == (10, 6)
    assert events_in(copy) == events


def test_next_recorder_begins_after_the_last_event_although_the_clock_stepped_back(
    tmp_path: Path,
) -> None:
    clock, events, book = Clock(), some_events(), LiveBook("BTC/USD")
    recorder = started(tmp_path, clock)
    record(recorder, book, events[:5])
    clock.now -= 3600 * 10**9
    recorder.close()
    other = Recorder(tmp_path, clock)
    (again,) = other.recover().start.books
    record(other, again, events[5:])
    other.close()
    assert events_in(tmp_path) == events


def test_clock_that_steps_back_does_not_delay_the_next_checkpoint(tmp_path: Path) -> None:
    clock, events, book = Clock(), some_events(), LiveBook("BTC/USD")
    recorder = started(tmp_path / "rec", clock)
    record(recorder, book, events[:5])
    clock.now -= 3600 * 10**9
    flush(recorder)
    copy = killed(tmp_path / "rec", tmp_path / "copy")
    recorder.close()
    other = Recorder(copy, Clock())
    (again,) = other.recover().start.books
    other.close()
    # It was rebuilt from a checkpoint alone.
    assert (again.seq, again.counts.verified) == (5, 1)


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


def test_journal_of_another_version_is_named_and_kept(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("other", pa.int64())])
    with pa.ipc.new_stream(tmp_path / JOURNAL, schema):
        pass
    before = (tmp_path / JOURNAL).read_bytes()
    recorder = Recorder(tmp_path, Clock())
    with pytest.raises(DamagedRecording, match=r"_journal.arrows: it is not a journal of this ver"):
        recorder.recover()
    recorder.abandon()
    assert (tmp_path / JOURNAL).read_bytes() == before
