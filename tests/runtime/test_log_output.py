"""The thread that writes log lines: callers never wait, and losses are reported."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.waiting import DEADLINE, wait_until
from runtime.log_output import LineWriter, LogOutput

LINE = b"x" * 936 + b"\n"
"""A line that counts as 1,001 bytes in the queue."""


def loss_line(count: int) -> bytes:
    return f"{count} lost\n".encode()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end of a pipe."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def fill(writing_end: int) -> int:
    """Fill a pipe; return the number of bytes."""
    os.set_blocking(writing_end, False)
    filled = 0
    for size in (4096, 1):
        try:
            while True:
                filled += os.write(writing_end, b"-" * size)
        except BlockingIOError:
            continue
    os.set_blocking(writing_end, True)
    return filled


def read_until(reader: int, wanted: bytes) -> bytes:
    """Read until `wanted` has come; return all bytes."""
    text = b""
    while wanted not in text:
        text += os.read(reader, 65_536)
    return text


def test_writer_writes_lines_in_order(pipe: tuple[int, int]) -> None:
    reader, writing_end = pipe
    writer = LineWriter(writing_end, describe_loss=loss_line)
    for number in range(1000):
        writer.put(f"{number}\n".encode())
    assert read_until(reader, b"999\n") == b"".join(f"{n}\n".encode() for n in range(1000))
    assert writer.flush(5)
    assert writer.dropped == 0


def test_full_pipe_drops_lines_and_their_number_is_written_later(
    pipe: tuple[int, int],
) -> None:
    reader, writing_end = pipe
    filled = fill(writing_end)
    writer = LineWriter(writing_end, describe_loss=loss_line, max_waiting=20_000)
    for _ in range(1000):
        writer.put(LINE)
    assert writer.dropped == 1000 - 19
    assert not writer.flush(0.01), "lines are still queued"

    text = os.read(reader, filled)
    while text.count(LINE) < 19 or b"lost\n" not in text:
        text += os.read(reader, 65_536)
    # The report may come between the lines or after them.
    assert text.replace(loss_line(1000 - 19), b"") == b"-" * filled + 19 * LINE
    writer.put(b"next\n")
    assert read_until(reader, b"next\n") == b"next\n"


def test_full_disk_drops_lines() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    writer = LineWriter(descriptor, describe_loss=loss_line)
    for number in range(1, 4):
        writer.put(LINE)
        assert writer.flush(5)
        assert writer.dropped == number
    os.close(descriptor)


def test_closed_descriptor_drops_lines() -> None:
    writer = LineWriter(999_999, describe_loss=loss_line)
    writer.put(LINE)
    assert writer.flush(5)
    assert writer.dropped == 1


def test_non_blocking_descriptor_loses_no_line(
    pipe: tuple[int, int],
) -> None:
    reader, writing_end = pipe
    os.set_blocking(writing_end, False)
    writer = LineWriter(writing_end, describe_loss=loss_line)
    for _ in range(500):
        writer.put(LINE)
    writer.put(b"last\n")
    assert read_until(reader, b"last\n").count(LINE) == 500
    assert writer.dropped == 0


@pytest.mark.parametrize("is_idle", [True, False])
def test_closed_reader_calls_back_and_later_lines_are_dropped(
    pipe: tuple[int, int], is_idle: bool
) -> None:
    reader, writing_end = pipe
    gone = threading.Event()
    writer = LineWriter(
        writing_end, describe_loss=loss_line, watch_interval=0.01 if is_idle else 1_000
    )
    writer.when_reader_gone(gone.set)
    writer.put(b"first\n")
    assert read_until(reader, b"first\n")
    assert not gone.is_set()
    os.close(reader)
    if not is_idle:
        writer.put(LINE)
    assert gone.wait(DEADLINE)
    late = threading.Event()
    writer.when_reader_gone(late.set)
    assert late.is_set(), "a later callback is called at once"
    before = writer.dropped
    writer.put(LINE)
    assert writer.dropped == before + 1


def test_closed_terminal_calls_back() -> None:
    master, terminal = os.openpty()
    gone = threading.Event()
    writer = LineWriter(terminal, describe_loss=loss_line, watch_interval=0.01)
    writer.when_reader_gone(gone.set)
    os.close(master)
    assert gone.wait(DEADLINE)
    os.close(terminal)


def test_output_without_descriptor_counts_dropped_lines() -> None:
    output = LogOutput(None)
    output.emit(logging.makeLogRecord({"msg": "hello"}))
    output.flush()
    assert output.dropped == 1


class Unprintable:
    def __str__(self) -> str:
        raise ZeroDivisionError


def test_record_that_cannot_be_rendered_is_replaced_by_a_warning(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        output = LogOutput(file.fileno())
        output.emit(logging.makeLogRecord({"name": "unit", "msg": Unprintable()}))
        output.emit(logging.makeLogRecord({"name": "unit", "msg": "lone \ud800"}))
        wait_until(lambda: "lone \\ud800\n" in (tmp_path / "log").read_text(), "both lines")
    first, _ = (tmp_path / "log").read_text().splitlines()
    assert first == "log line not rendered"
