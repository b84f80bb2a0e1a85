"""The reader of recordings, valid and broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.recording.lines import RecordingError
from simulator.recording.reader import read_recording
from tests.simulator.recording.recordings import ACK, EARLY, FRAMES, HEARTBEAT, STATUS, record


def test_recording_determines_depth_and_precisions(tmp_path: Path) -> None:
    file = record(tmp_path, [STATUS, ACK, EARLY, *FRAMES[:1], HEARTBEAT, *FRAMES[1:]])
    (track,) = read_recording(file).values()
    assert (track.symbol, track.depth) == ("BTC/USD", 25)
    assert (track.price_precision, track.qty_precision) == (2, 5)
    assert [text for _, text, _ in track.frames] == FRAMES
    assert [seconds for seconds, _, _ in track.frames] == pytest.approx([0, 0.05, 0.1])


def test_recording_without_ack_takes_its_depth_from_the_largest_snapshot(tmp_path: Path) -> None:
    (track,) = read_recording(record(tmp_path, FRAMES)).values()
    assert track.depth == 10


def test_times_of_receipt_override_timestamps(tmp_path: Path) -> None:
    file = record(tmp_path, [ACK, *FRAMES], [10**9, 2 * 10**9, 2 * 10**9, 5 * 10**9])
    (track,) = read_recording(file).values()
    assert [seconds for seconds, _, _ in track.frames] == [0, 0, 3]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([FRAMES[0], '{"channel":"bo'], r"recording\.jsonl, line 2: .* one JSON frame"),
        ([FRAMES[0], '{"channel":"book","data":[{}]}'], "line 2: .*not a book frame"),
        ([FRAMES[0].replace("1.5", '"x"')], "line 1: a price or qty is not a number"),
        ([FRAMES[0].replace("[{", "[{},{", 1)], "line 1"),
        ([STATUS, FRAMES[1]], "no book snapshot"),
        ([], "no book snapshot"),
    ],
)
def test_broken_recording_is_named_with_its_line(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(RecordingError, match=message):
        read_recording(record(tmp_path, lines))


@pytest.mark.parametrize(("text", "message"), [("1\n2\n", "2 times for the 3"), ("x\n", "integer")])
def test_broken_times_of_receipt_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = record(tmp_path, FRAMES)
    file.with_suffix(".received-ns").write_text(text)
    with pytest.raises(RecordingError, match=message):
        read_recording(file)
