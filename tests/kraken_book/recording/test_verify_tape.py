"""`verify` proves tapes and recorded frames: each wrong frame is a fault at its line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kraken_book.command_line import main
from kraken_book.recording.verify import FileVerdict
from kraken_book.recording.verify_tape import verify_tapes
from lab.recordings import DATA, FindRecording
from tests.kraken_book.recording.made import events_of, write_file

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FRAMES = (DATA / "kraken-btcusd-depth10.jsonl").read_text().splitlines()
NAME = "13-connection-1-130000.000000.tape.zst"
NEXT = "14-connection-1-140000.000000.tape.zst"


def write_tape(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{1_795_795_200_000_000_000 + at} {line}\n" for at, line in enumerate(lines))
    path.write_bytes(zstd.compress(text.encode()))


def verdict_on(*paths: Path) -> FileVerdict:
    (verdict,) = verify_tapes(paths)
    return verdict


def of_update(number: int) -> int:
    """Return the index of the frame with the update of this number."""
    updates = [at for at, frame in enumerate(FRAMES) if '"type":"update","data":[{"sym' in frame]
    return updates[number]


def test_every_recorded_frame_is_verified(tmp_path: Path) -> None:
    verdict = verdict_on(DATA / "kraken-btcusd-depth10.jsonl")
    assert (verdict.books, verdict.events, verdict.verified) == (["BTC/USD"], 301, 301)
    write_tape(tmp_path / NAME, FRAMES)
    assert verdict_on(tmp_path / NAME).verified == 301


def test_recordings_of_different_depths_are_verified_together(recorded: FindRecording) -> None:
    paths = [recorded(f"kraken-btcusd-depth{depth}.jsonl") for depth in (10, 25)]
    assert [each.faults for each in verify_tapes(paths)] == [0, 0]


def test_missing_frames_are_a_fault_and_the_next_snapshot_ends_it(tmp_path: Path) -> None:
    lost, later = of_update(20), of_update(30)
    write_tape(tmp_path / NAME, [*FRAMES[:lost], *FRAMES[later:]])
    verdict = verdict_on(tmp_path / NAME)
    assert verdict.faults == 1
    assert "BTC/USD: checksum: " in verdict.described[0]
    assert 0 < verdict.verified < 300


def test_missing_frame_that_the_tape_tells_is_a_gap(tmp_path: Path) -> None:
    lost = of_update(20)
    told = '!dropped {"frames":1,"bytes":99}'
    write_tape(tmp_path / NAME, [*FRAMES[:lost], told, *FRAMES[lost + 1 :]])
    verdict = verdict_on(tmp_path / NAME)
    assert (verdict.faults, verdict.gaps) == (0, 1)


def test_book_goes_on_in_the_next_file_of_its_connection(tmp_path: Path) -> None:
    half = of_update(20)
    write_tape(tmp_path / "day" / NAME, FRAMES[:half])
    write_tape(tmp_path / "day" / NEXT, FRAMES[half:])
    paths = [tmp_path / "day" / NEXT, tmp_path / "day" / NAME]
    first, second = verify_tapes(paths)
    assert (first.faults, second.faults) == (0, 0)
    assert first.verified + second.verified == 301


def test_precision_of_the_list_of_pairs_counts(tmp_path: Path) -> None:
    """Kraken's checksum needs all decimals, also if no frame has them."""
    listed = '{"channel":"instrument","type":"snapshot","data":{"pairs":[{"symbol":"A/B",'
    listed += '"price_precision":2,"qty_precision":3}]}}'
    # The CRC-32 of "1501200" and "1002000".
    frame = '{"channel":"book","type":"snapshot","data":[{"symbol":"A/B","checksum":3952747363,'
    frame += '"asks":[{"price":1.5,"qty":1.2}],"bids":[{"price":1.0,"qty":2.0}]}]}'
    write_tape(tmp_path / NAME, [listed, frame])
    assert verdict_on(tmp_path / NAME).described == []
    write_tape(tmp_path / NAME, [frame])
    assert verdict_on(tmp_path / NAME).faults == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{}", None),
        ("no JSON", None),
        ('{"channel":"book","type":"update","data":[{"symbol":"A/B"}]}', "missing required field"),
        ("!opened 7", "line 2"),
    ],
)
def test_strange_lines_are_faults_only_if_they_are_of_a_book_or_of_the_tape(
    tmp_path: Path, line: str, words: str | None
) -> None:
    write_tape(tmp_path / NAME, [FRAMES[0], line])
    faults = [fault for verdict in verify_tapes([tmp_path / NAME]) for fault in verdict.described]
    assert len(faults) == (words is not None)
    assert words is None or words in faults[0]


def test_command_verifies_tapes_and_book_files_of_one_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tape(tmp_path / "tape" / NAME, FRAMES)
    write_file(tmp_path, events_of("BTC/USD"))
    assert main(["verify", str(tmp_path)]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split() == ["BTC/USD", "2", "305", "305", "0", "0", "0"]


def test_damaged_manifest_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(tmp_path, events_of("BTC/USD"))
    (tmp_path / "_manifest.jsonl").write_text("{}\n")
    assert main(["verify", str(tmp_path)]) == 1
    assert "_manifest.jsonl, line 1" in capsys.readouterr().out
