"""The reader of tapes: all kinds of files, cut ends, wrong lines, bounded memory."""

from __future__ import annotations

import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from kraken_book.errors import DamagedRecording
from kraken_book.recording.tape_reader import (
    Closed,
    Dropped,
    Opened,
    Received,
    Sent,
    TapeLine,
    read_tape,
)
from lab.recordings import FindRecording

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"""\
1 !opened {"url":"wss://host/v2","connection":"1","version":"0.2","later":1}
2 >{"method":"ping"}
3 {"channel":"heartbeat"}
3 !base64 /wA=
4 !sent-base64 Cg==
5 !dropped {"frames":2,"bytes":30}
6 !later-word {"a":1}
7 \n7 !closed {"reason":"silent"}
"""
LINES: list[TapeLine] = [
    Opened(1, "wss://host/v2", "1", "0.2"),
    Sent(2, b'{"method":"ping"}'),
    Received(3, b'{"channel":"heartbeat"}'),
    Received(3, b"\xff\x00"),
    Sent(4, b"\n"),
    Dropped(5, 2, 30),
    Received(7, b""),
    Closed(7, "silent"),
]


def write(path: Path, text: bytes) -> Path:
    path.write_bytes(zstd.compress(text) if ".zst" in path.name else text)
    return path


@pytest.mark.parametrize("name", ["a.tape", "a.tape.zst", "a.tape.zst.partial"])
def test_each_kind_of_line_has_its_type(tmp_path: Path, name: str) -> None:
    assert list(read_tape(write(tmp_path / name, TEXT))) == LINES


def test_last_line_without_an_end_is_ignored(tmp_path: Path) -> None:
    for end in range(len(TEXT)):
        found = list(read_tape(write(tmp_path / "a.tape", TEXT[:end])))
        assert found == LINES[: len(found)]


@pytest.mark.parametrize("name", ["a.tape.zst", "a.tape.zst.partial"])
def test_compressed_file_cut_anywhere_has_a_prefix_of_its_lines(tmp_path: Path, name: str) -> None:
    compressor = zstd.ZstdCompressor()
    data = b"".join(
        compressor.compress(line, zstd.ZstdCompressor.FLUSH_BLOCK)
        for line in TEXT.splitlines(keepends=True)
    )
    counts = set()
    for end in range(len(data) + 1):
        (tmp_path / name).write_bytes(data[:end])
        found = list(read_tape(tmp_path / name))
        assert found == LINES[: len(found)]
        counts.add(len(found))
    assert counts == set(range(len(LINES) + 1))


def test_files_that_were_joined_are_read_to_the_end(tmp_path: Path) -> None:
    joined = tmp_path / "a.tape.zst"
    joined.write_bytes(zstd.compress(TEXT) + zstd.compress(TEXT))
    assert list(read_tape(joined)) == LINES * 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\n", "line 2: a line is `<Unix ns> <frame>`"),
        (b"x {}\n", "line 2: a line is"),
        (b"5{}\n", "line 2: a line is"),
        (b"123456789012345678901 {}\n", "line 2: a line is"),
        (b"5 !\n", "line 2: a line with ! is"),
        (b"5 !Closed {}\n", "line 2: a line with ! is"),
        (b'5 !closed {"reason":1}\n', "line 2: Expected `str`"),
        (b"5 !closed {}\n", "line 2: Object missing required field `reason`"),
        (b"5 !dropped x\n", "line 2: JSON is malformed"),
        (b"5 !base64 *\n", "line 2: "),
        (b"5 !sent-base64 abc\n", "line 2: "),
    ],
)
def test_wrong_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    path = write(tmp_path / "a.tape", b"1 {}\n" + line + b"2 {}\n")
    reading = read_tape(path)
    assert next(reading) == Received(1, b"{}")
    with pytest.raises(DamagedRecording, match=rf"a\.tape, {message}"):
        next(reading)


def test_file_that_is_not_compressed_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tape.zst").write_bytes(TEXT)
    with pytest.raises(DamagedRecording, match=r"a\.tape\.zst: not a zstd file"):
        list(read_tape(tmp_path / "a.tape.zst"))


def test_file_of_another_kind_is_refused_with_the_right_names(tmp_path: Path) -> None:
    with pytest.raises(DamagedRecording, match=r"a\.csv: not a tape: .* \.tape, \.tape\.zst, "):
        list(read_tape(write(tmp_path / "a.csv", TEXT)))


def test_jsonl_has_received_frames_without_times(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b'{"a":1}\r\n\n!x\n>y')
    assert list(read_tape(path)) == [
        Received(0, b'{"a":1}'),
        Received(0, b"!x"),
        Received(0, b">y"),
    ]


def test_jsonl_has_the_times_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", b"[1]\n\n[2]\n")
    (tmp_path / "a.received-ns").write_text("5\n6\n7\n")
    assert list(read_tape(path)) == [Received(5, b"[1]"), Received(7, b"[2]")]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ("5\n", "one time for each line of a.jsonl"),
        ("5\n6\n7\n", "one time for each line of a.jsonl"),
        ("5\nx\n", "line 2: it must be an integer of nanoseconds"),
    ],
)
def test_wrong_times_are_named(tmp_path: Path, times: str, message: str) -> None:
    path = write(tmp_path / "a.jsonl", b"[1]\n[2]\n")
    (tmp_path / "a.received-ns").write_text(times)
    with pytest.raises(DamagedRecording, match=rf"a\.received-ns.*{message}"):
        list(read_tape(path))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    line = b"1 " + b"x" * 990 + b"\n"
    path = write(tmp_path / "a.tape.zst", line * 50_000)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_tape(path)) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tape.zst", b"1 " + b"x" * 25 * 2**20)
    with pytest.raises(DamagedRecording, match="line 1: longer than"):
        list(read_tape(path))


@pytest.mark.parametrize(
    ("name", "received", "sent"),
    [("binance-blzeth", 10, 0), ("binance-nknusdt", 150, 0), ("bitfinex", 1693, 22)],
)
def test_tapes_of_other_venues_are_read(
    recorded: FindRecording, name: str, received: int, sent: int
) -> None:
    kinds = Counter(type(line) for line in read_tape(recorded(f"venues/{name}.tape")))
    assert (kinds[Received], kinds[Sent]) == (received, sent)
