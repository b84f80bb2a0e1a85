"""The simulator reads tapes of any kind, folders, cut ends, and names wrong lines."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest

from simulator.recording.lines import RecordingError, read_frames
from simulator.recording.reader import read_recording
from tests.simulator.recording.recordings import ACK, EARLY, FRAMES, HEARTBEAT

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECOND = 10**9
START = 1_795_786_800 * SECOND
OPENED = '!opened {"url":"ws://host/v2","connection":"1","version":"0.2"}'


def tape_text(*lines: tuple[float, str]) -> str:
    return "".join(f"{START + int(seconds * SECOND)} {line}\n" for seconds, line in lines)


def write_tape(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(data if path.suffix == ".tape" else zstd.compress(data))
    return path


WHOLE = tape_text(
    (0, OPENED),
    (0.1, '>{"method":"subscribe"}'),
    (0.5, ACK),
    (1, FRAMES[0]),
    (1, HEARTBEAT),
    (1.25, FRAMES[1]),
    (1.25, '!dropped {"frames":1,"bytes":20}'),
    (4, FRAMES[2]),
    (4, '!closed {"reason":"stopped"}'),
    (5, "!word-of-a-later-version {}"),
)


@pytest.mark.parametrize("name", ["a.tape", "a.tape.zst", "a.tape.zst.partial"])
def test_tape_is_played_with_its_own_gaps(tmp_path: Path, name: str) -> None:
    (track,) = read_recording(write_tape(tmp_path / name, WHOLE)).values()
    assert track.depth == 25
    assert [text for _, text, _ in track.frames] == FRAMES
    assert [seconds for seconds, _, _ in track.frames] == pytest.approx([0, 0.25, 3])
    assert [is_snapshot for _, _, is_snapshot in track.frames] == [True, False, True]


def test_tape_cut_anywhere_has_its_whole_lines(tmp_path: Path) -> None:
    text = WHOLE.encode()
    texts = [frame.text for frame in read_frames(write_tape(tmp_path / "a.tape", WHOLE))]
    most = 0
    for end in range(0, len(text), 7):
        (tmp_path / "b.tape").write_bytes(text[:end])
        found = [frame.text for frame in read_frames(tmp_path / "b.tape")]
        assert found == texts[: len(found)]
        assert len(found) >= most
        most = len(found)
    assert most == len(texts) == 5


def test_compressed_tape_cut_anywhere_has_its_whole_blocks(tmp_path: Path) -> None:
    compressor = zstd.ZstdCompressor()
    data = b"".join(
        compressor.compress(f"{line}\n".encode(), zstd.ZstdCompressor.FLUSH_BLOCK)
        for line in WHOLE.splitlines()
    )
    counts = set()
    for end in range(len(data) + 1):
        path = tmp_path / "a.tape.zst.partial"
        path.write_bytes(data[:end])
        counts.add(len(list(read_frames(path))) if end else 0)
    assert counts == {0, 1, 2, 3, 4, 5}


def test_folder_of_hours_and_connections_is_one_track_per_symbol_in_order_of_time(
    tmp_path: Path,
) -> None:
    ether = [frame.replace("BTC/USD", "ETH/USD") for frame in FRAMES]
    day = tmp_path / "2026-11-27"
    # The symbol moves from connection 1 to connection 2, and back in the next hour.
    hour = 3600
    write_tape(
        day / "13-connection-1-130000.000000.tape.zst",
        tape_text((1, ACK), (2, FRAMES[0]), (3, ether[0]), (4, ether[1])),
    )
    write_tape(
        day / "13-connection-2-130000.000000.tape.zst",
        tape_text((1, EARLY), (3, FRAMES[1])),
    )
    write_tape(
        day / "14-connection-1-140000.000000.tape.zst.partial",
        tape_text((hour + 4, FRAMES[2]), (hour + 5, ether[2])),
    )
    (day / "notes.txt").write_text("no tape")
    tracks = read_recording(tmp_path)
    assert set(tracks) == {"BTC/USD", "ETH/USD"}
    bitcoin, ethereum = tracks["BTC/USD"], tracks["ETH/USD"]
    assert [text for _, text, _ in bitcoin.frames] == FRAMES
    assert [seconds for seconds, _, _ in bitcoin.frames] == pytest.approx([0, 1, hour + 2])
    assert [text for _, text, _ in ethereum.frames] == ether


def test_frames_keep_their_order_if_the_clock_was_set_back(tmp_path: Path) -> None:
    text = tape_text((5, FRAMES[0]), (2, FRAMES[1]), (6, FRAMES[2]))
    write_tape(tmp_path / "tape" / "a.tape", text)
    (track,) = read_recording(tmp_path / "tape").values()
    assert [text for _, text, _ in track.frames] == FRAMES
    assert [seconds for seconds, _, _ in track.frames] == pytest.approx([0, 0, 1])


def test_frames_that_are_none_of_krakens_are_left_out(tmp_path: Path) -> None:
    text = tape_text(
        (1, FRAMES[0]),
        (2, '{"channel":"book","type":"upda'),
        (2, "[1,2]"),
        (2, "!base64 " + base64.b64encode(b"\xff\x00").decode()),
        (2, "!base64 " + base64.b64encode(FRAMES[1].encode()).decode()),
        (3, FRAMES[2]),
    )
    (track,) = read_recording(write_tape(tmp_path / "a.tape", text)).values()
    assert [text for _, text, _ in track.frames] == FRAMES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (tape_text((1, FRAMES[0])) + "x\n", r"a\.tape, line 2: each line must be a time"),
        (tape_text((1, FRAMES[0])) + "\n", r"a\.tape, line 2: each line must be a time"),
        (tape_text((1, "!base64 ***")), r"a\.tape, line 1: "),
        (tape_text((1, FRAMES[1])), "no book snapshot"),
    ],
)
def test_wrong_line_of_a_tape_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        read_recording(write_tape(tmp_path / "a.tape", text))


def test_file_that_is_not_compressed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tape.zst"
    path.write_text(WHOLE)
    with pytest.raises(RecordingError, match=r"a\.tape\.zst: not a zstd file"):
        read_recording(path)


def test_folder_without_a_tape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"no tape in this folder: it needs \.tape"):
        read_recording(tmp_path)
