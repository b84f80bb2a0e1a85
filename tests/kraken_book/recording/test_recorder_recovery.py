"""A recorder that was killed loses no event that was written, and has none twice."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from kraken_book.client.live_book import LiveBook
from kraken_book.errors import DamagedRecording
from kraken_book.event import Event, Lagged, Snapshot, Update
from kraken_book.recording.layout import partial_of
from kraken_book.recording.manifest import read_manifest
from kraken_book.recording.recorder import JOURNAL, Recorder
from tests.kraken_book.recording.recorder_steps import (
    Clock,
    events_in,
    faults_in,
    flush,
    killed,
    of_collector,
    record,
    some_events,
    started,
    status_at,
)


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
