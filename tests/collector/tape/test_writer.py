"""One file an hour and connection, within the limits, and each flush can be read."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from collector.tape.folder import TapeFolder, TapeFolderUnusable, TapeLimits
from collector.tape.writer import TapeWriter
from kraken_book.recording.tape_reader import Received, read_tape
from tests.collector.tape.taping import (
    HOUR_NS,
    NO_LIMITS,
    START_NS,
    claimed,
    frame_entry,
    lines_in,
    names,
)

SECOND_NS = 10**9


def test_file_is_partial_until_its_hour_ends_and_another_begins(tmp_path: Path) -> None:
    writer = TapeWriter(claimed(tmp_path), NO_LIMITS)
    writer.write(frame_entry(START_NS, b"[1]", b"[2]"))
    writer.end_round(START_NS)
    assert names(tmp_path) == ["2026-11-27/13-connection-1-135959.000000.tape.zst.partial"]
    writer.write(frame_entry(START_NS + SECOND_NS, b"[3]"))
    writer.end_round(START_NS + SECOND_NS)
    assert names(tmp_path) == [
        "2026-11-27/13-connection-1-135959.000000.tape.zst",
        "2026-11-27/14-connection-1-140000.000000.tape.zst.partial",
    ]
    writer.finish()
    assert lines_in(tmp_path) == [
        Received(START_NS, b"[1]"),
        Received(START_NS, b"[2]"),
        Received(START_NS + SECOND_NS, b"[3]"),
    ]


def test_silent_connection_has_its_file_finished_after_the_hour(tmp_path: Path) -> None:
    writer = TapeWriter(claimed(tmp_path), NO_LIMITS)
    writer.write(frame_entry(START_NS, b"[1]"))
    writer.end_round(START_NS + HOUR_NS)
    assert names(tmp_path) == ["2026-11-27/13-connection-1-135959.000000.tape.zst"]


def test_each_connection_has_files_of_its_own(tmp_path: Path) -> None:
    writer = TapeWriter(claimed(tmp_path), NO_LIMITS)
    writer.write(frame_entry(START_NS, b"[1]", connection="1"))
    writer.write(frame_entry(START_NS, b"[2]", connection="../2"))
    writer.finish()
    assert names(tmp_path) == [
        "2026-11-27/13-connection-.._2-135959.000000.tape.zst",
        "2026-11-27/13-connection-1-135959.000000.tape.zst",
    ]


def test_clock_that_is_set_back_begins_no_file_and_replaces_none(tmp_path: Path) -> None:
    writer = TapeWriter(claimed(tmp_path), NO_LIMITS)
    writer.write(frame_entry(START_NS, b"[1]"))
    writer.write(frame_entry(START_NS - HOUR_NS, b"[2]"))
    writer.finish()
    writer.write(frame_entry(START_NS, b"[3]"))
    writer.finish()
    assert names(tmp_path) == [
        "2026-11-27/13-connection-1-135959.000000-2.tape.zst",
        "2026-11-27/13-connection-1-135959.000000.tape.zst",
    ]


def test_everything_before_a_flush_is_readable_while_the_file_is_open(tmp_path: Path) -> None:
    writer = TapeWriter(claimed(tmp_path), NO_LIMITS)
    for number in range(1000):
        writer.write(frame_entry(START_NS + number, b'{"number":%d}' % number))
    writer.end_round(START_NS)
    writer.write(frame_entry(START_NS + 1000, b"[]"))
    (name,) = names(tmp_path)
    found = list(read_tape(tmp_path / name))
    assert found == [Received(START_NS + at, b'{"number":%d}' % at) for at in range(1000)]


def noise(size: int) -> bytes:
    """Return a frame that does not become smaller."""
    return random.Random(size).randbytes(size)


def test_oldest_files_are_removed_beyond_the_size(tmp_path: Path) -> None:
    limits = TapeLimits(50_000, timedelta(days=365))
    writer = TapeWriter(claimed(tmp_path), limits)
    other = tmp_path / "2026-11-27" / "13-notes.txt"
    for hour in range(12):
        now = START_NS + (hour - 10) * HOUR_NS
        writer.write(frame_entry(now, noise(5_500 + hour)))
        writer.end_round(now)
        other.parent.mkdir(exist_ok=True)
        other.write_text("x" * 60_000)
    left = [name for name in names(tmp_path) if name.endswith(("zst", "partial"))]
    assert [int(name[11:13]) for name in left] == list(range(15 - len(left), 15))
    assert len(left) in (8, 9)
    assert left[-1].endswith(".partial")
    assert other.exists()


def test_files_are_removed_beyond_the_age_with_their_day(tmp_path: Path) -> None:
    limits = TapeLimits(10**12, timedelta(hours=30))
    writer = TapeWriter(claimed(tmp_path), limits)
    for hour in range(0, 48, 6):
        now = START_NS + hour * HOUR_NS
        writer.write(frame_entry(now, b"[]"))
        writer.end_round(now)
    assert [name[:13] for name in names(tmp_path)] == [
        "2026-11-28/01",
        "2026-11-28/07",
        "2026-11-28/13",
        "2026-11-28/19",
        "2026-11-29/01",
        "2026-11-29/07",
    ]
    assert not (tmp_path / "2026-11-27").exists()


def test_hour_that_is_too_large_has_several_files_within_the_limit(tmp_path: Path) -> None:
    limits = TapeLimits(400_000, timedelta(days=365))
    writer = TapeWriter(claimed(tmp_path), limits)
    frames = [noise(20_000 + number) for number in range(60)]
    for number, frame in enumerate(frames):
        writer.write(
            frame_entry(START_NS - HOUR_NS + number * 1000, frame, connection="12"[number % 2])
        )
        writer.end_round(START_NS - HOUR_NS + number)
        size = sum((tmp_path / name).stat().st_size for name in names(tmp_path))
        assert size <= 400_000 + 2 * 30_000
    writer.finish()
    left = [line.frame for line in lines_in(tmp_path) if isinstance(line, Received)]
    assert len(left) >= 15
    for first in (0, 1):
        own = [frame for frame in left if frame in frames[first::2]]
        assert own == frames[first::2][-len(own) :]


def test_second_collector_is_refused_until_the_first_releases_the_folder(tmp_path: Path) -> None:
    first = claimed(tmp_path / "new" / "tape")
    with pytest.raises(TapeFolderUnusable, match=r"another collector .* a folder of its own"):
        claimed(tmp_path / "new" / "tape")
    first.release()
    claimed(tmp_path / "new" / "tape").release()


def test_folder_that_cannot_be_made_is_refused_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = TapeFolder(tmp_path / "file" / "tape")
    with pytest.raises(TapeFolderUnusable, match=r"COLLECTOR_TAPE=.*file/tape: .*Not a directory"):
        folder.claim()
