"""The thread of a tape: it writes what is appended, and ends alone if the disk fails."""

from __future__ import annotations

import errno
import os
from itertools import count
from pathlib import Path

from prometheus_client import REGISTRY

from collector.tape.recorder import TapeRecorder, TapeState
from collector.tape.tape_file import open_new
from kraken_book.recording.tape_reader import Closed, Opened, Received, Sent
from lab.waiting import DEADLINE, wait_until
from tests.collector.tape.taping import (
    HOUR_NS,
    NO_LIMITS,
    START_NS,
    URL,
    claimed,
    lines_in,
    names,
)


def recorder_in(folder: Path, **options: object) -> TapeRecorder:
    options.setdefault("clock", lambda: START_NS)
    return TapeRecorder(claimed(folder), NO_LIMITS, round_interval=0.01, **options)  # type: ignore[arg-type]


def end(recorder: TapeRecorder) -> None:
    recorder.close()
    assert recorder.join(DEADLINE)


def test_tape_has_the_whole_conversation_when_it_is_stopped(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    recorder.start()
    tape = recorder.connection("1", URL)
    tape.on_opened(START_NS)
    tape.on_sent(b'{"method":"subscribe"}')
    tape.on_received(START_NS + 1, [b"[1]", b"[2]"])
    tape.on_closed("silent")
    end(recorder)
    assert recorder.state is TapeState.STOPPED
    assert names(tmp_path) == ["2026-11-27/13-connection-1-135959.000000.tape.zst"]
    opened, *rest = lines_in(tmp_path)
    assert isinstance(opened, Opened)
    assert (opened.url, opened.connection) == ("ws://127.0.0.1:9443/v2", "1")
    assert rest == [
        Sent(START_NS, b'{"method":"subscribe"}'),
        Received(START_NS + 1, b"[1]"),
        Received(START_NS + 1, b"[2]"),
        Closed(START_NS, "silent"),
    ]


def test_frames_are_on_the_disk_before_the_end(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    recorder.start()
    recorder.connection("1", URL).on_received(START_NS, [b"[1]"])
    wait_until(lambda: names(tmp_path) and lines_in(tmp_path) == [Received(START_NS, b"[1]")])
    assert recorder.count_unwritten() == 0
    end(recorder)


def test_files_of_a_killed_collector_are_completed_at_the_start(tmp_path: Path) -> None:
    day = tmp_path / "2026-11-27"
    day.mkdir()
    (day / "12-connection-1-120000.000000.tape.zst.partial").write_bytes(b"")
    (day / "other.partial").write_bytes(b"")
    end_of_first = recorder_in(tmp_path)
    end_of_first.start()
    end(end_of_first)
    assert names(tmp_path) == ["2026-11-27/other.partial"]


def test_full_disk_ends_the_tape_and_nothing_else(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, open_file=lambda _path: os.open("/dev/full", os.O_WRONLY))
    recorder.start()
    tape = recorder.connection("1", URL)
    tape.on_received(START_NS, [b"[1]"])
    wait_until(lambda: recorder.state is TapeState.FAILED)
    assert recorder.join(DEADLINE)
    # Later frames cost nothing, and are no drops: the tape has ended.
    tape.on_received(START_NS, [b"x" * 2**20] * 100)
    tape.on_sent(b"{}")
    tape.on_closed("closed")
    described = recorder.describe()
    assert described["state"] == "failed"
    assert os.strerror(errno.ENOSPC) in str(described["error"])
    assert (described["dropped_frames"], recorder.count_unwritten()) == (0, 0)
    assert REGISTRY.get_sample_value("kraken_book_tape_failed") == 1
    # The folder is free for the collector that is started after the disk was mended.
    claimed(tmp_path).release()


def test_error_at_rotation_ends_the_tape_and_leaves_readable_files(tmp_path: Path) -> None:
    opened = count()
    hour = START_NS // HOUR_NS

    def open_once(path: Path) -> int:
        if next(opened):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return open_new(path)

    recorder = recorder_in(tmp_path, open_file=open_once)
    recorder.start()
    tape = recorder.connection("1", URL)
    tape.on_received(START_NS, [b"[1]"])
    tape.on_received((hour + 1) * HOUR_NS, [b"[2]"])
    wait_until(lambda: recorder.state is TapeState.FAILED)
    assert lines_in(tmp_path) == [Received(START_NS, b"[1]")]
    assert recorder.join(DEADLINE)
