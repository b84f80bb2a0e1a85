"""`verify` finds each kind of fault in book files, and `report` says what is missing and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kraken_book.command_line import main
from kraken_book.event import Event, Lagged, StatusChange
from kraken_book.recording.manifest import read_manifest
from kraken_book.recording.reader import find_book_files
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.report import report_days
from kraken_book.recording.verify import FileVerdict, verify_book_files, verify_manifest
from tests.kraken_book.recording.made import START, events_of, write_file

SECOND = 1_000_000


def verdicts(root: Path) -> list[FileVerdict]:
    return list(verify_book_files(find_book_files([root])))


def as_recorded(event: Event, at: int, *, is_verified: bool = False) -> RecordedEvent:
    return RecordedEvent(event=event, recorded_at=at, is_verified=is_verified)


def status(word: str, reason: str | None, at: int) -> RecordedEvent:
    text = "2026-11-27T18:00:00.000000Z"
    return as_recorded(StatusChange("BTC/USD", None, None, word, reason, text), at)  # type: ignore[arg-type]


def with_update(events: list[RecordedEvent], number: int, **changes: Any) -> list[RecordedEvent]:
    """Return the events with other members in one of them."""
    event = msgspec.structs.replace(events[number].event, **changes)
    changed = msgspec.structs.replace(events[number], event=event)
    return [*events[:number], changed, *events[number + 1 :]]


def test_good_files_have_no_fault(tmp_path: Path) -> None:
    write_file(tmp_path, events_of("BTC/USD", updates=20))
    write_file(tmp_path, events_of("ETH/USD"))
    one, other = verdicts(tmp_path)
    assert (one.events, one.verified, one.gaps, one.faults) == (21, 21, 0, 0)
    assert other.books == ["ETH/USD"]
    assert list(verify_manifest(tmp_path, read_manifest(tmp_path))) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda events: with_update(events, 2, checksum=7), "7-3: checksum"),
        (lambda events: [*events[:2], *events[3:]], "7-4: gap"),
        (lambda events: [*events, events[-1]], "7-4 is repeated, or out of order"),
        (lambda events: with_update(events, 1, bids=[("201.0", "1.00000000")]), "7-2: c"),
        (lambda events: events[1:], "7-2: gap"),
    ],
)
def test_wrong_event_is_a_fault_at_its_position(
    tmp_path: Path, change: Callable[[list[RecordedEvent]], list[RecordedEvent]], words: str
) -> None:
    write_file(tmp_path, change(events_of("BTC/USD")))
    (verdict,) = verdicts(tmp_path)
    assert verdict.faults == 1
    assert words in verdict.described[0]


def test_float_that_differs_from_its_integer_is_a_fault(tmp_path: Path) -> None:
    line = write_file(tmp_path, events_of("BTC/USD"))
    path = tmp_path / line.path
    table = pq.read_table(path)
    prices = pa.array([1.0, *table["price"].to_pylist()[1:]])
    changed = table.set_column(table.schema.get_field_index("price"), "price", prices)
    metadata = pq.read_metadata(path).metadata
    pq.write_table(changed.replace_schema_metadata(metadata), path)
    (verdict,) = verdicts(tmp_path)
    assert verdict.described == ["1 floats differ from their integers"]
    (listed,) = verify_manifest(tmp_path, read_manifest(tmp_path))
    assert listed.described == ["it differs from its SHA-256 in the manifest"]


def test_file_that_is_lost_or_not_listed_is_a_fault(tmp_path: Path) -> None:
    line = write_file(tmp_path, events_of("BTC/USD"))
    other = write_file(tmp_path, events_of("ETH/USD"))
    (tmp_path / line.path).rename(tmp_path / "other.parquet")
    faults = {each.path.name: each.described for each in verify_manifest(tmp_path, [line, other])}
    assert faults == {
        Path(line.path).name: ["it is in the manifest: No such file or directory"],
        "other.parquet": ["it is not in the manifest"],
    }


def test_damaged_file_is_a_fault_and_the_others_are_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = write_file(tmp_path, events_of("BTC/USD"))
    write_file(tmp_path, events_of("ETH/USD"))
    path = tmp_path / line.path
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert main(["verify", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert f"{path}: Parquet magic bytes not found in footer" in printed
    (row,) = [each for each in printed.splitlines() if each.startswith("ETH/USD")]
    assert row.split() == ["ETH/USD", "1", "4", "4", "0", "0", "0"]


def test_verify_ends_with_0_if_all_is_proved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(tmp_path, events_of("BTC/USD"))
    assert main(["verify", str(tmp_path)]) == 0
    assert "BTC/USD      1       4         4         0     0       0" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["verify", "report"])
def test_missing_recording_is_named(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path / "none")]) == 2
    assert "there is no such file or folder" in capsys.readouterr().err
    assert main([command, str(tmp_path)]) == 2
    assert "there is no finished book file" in capsys.readouterr().err


def test_rejected_event_is_counted_and_is_no_fault(tmp_path: Path) -> None:
    events = events_of("BTC/USD", updates=2)
    wrong = msgspec.structs.replace(events[2].event, checksum=1)
    write_file(tmp_path, [*events[:2], as_recorded(wrong, events[2].recorded_at)])
    (verdict,) = verdicts(tmp_path)
    assert (verdict.events, verdict.verified, verdict.rejected, verdict.faults) == (3, 2, 1, 0)


def test_gap_is_counted_once_whether_it_is_told_or_not(tmp_path: Path) -> None:
    events = events_of("BTC/USD")
    later = events_of("BTC/USD", first_seq=20, start=START + 10_000)
    told = as_recorded(Lagged("BTC/USD", 15, "trimmed"), START + 9000)
    write_file(tmp_path / "told", [*events, told, *later])
    write_file(tmp_path / "silent", [*events, *later])
    for name in ("told", "silent"):
        (verdict,) = verdicts(tmp_path / name)
        assert (verdict.gaps, verdict.faults) == (1, 0)


def test_report_has_span_events_and_gaps_of_each_book_and_day(tmp_path: Path) -> None:
    write_file(tmp_path, events_of("BTC/USD"))
    told = as_recorded(Lagged("BTC/USD", 15, "trimmed"), START + 9 * SECOND)
    unknown = as_recorded(Lagged("BTC/USD", None, "redis"), START + 20 * SECOND)
    day = 86_400 * SECOND
    later = events_of("BTC/USD", first_seq=30, start=START + 30 * SECOND)
    tomorrow = events_of("BTC/USD", first_seq=34, start=START + day)
    write_file(tmp_path, [told, unknown, *later])
    write_file(tmp_path, tomorrow)
    first, second = report_days(find_book_files([tmp_path]))
    assert (first.symbol, f"{first.day}", f"{second.day}") == (
        "BTC/USD",
        "2026-11-27",
        "2026-11-28",
    )
    assert (first.events, first.gaps, first.missed, first.unknown_gaps) == (10, 2, 15, 1)
    assert (first.first_time, first.last_time) == (START, START + 30 * SECOND + 3000)
    # From the last event before each gap.
    assert first.unverified == pytest.approx({"trimmed": 9 - 0.003, "redis": 21.0})
    assert (second.events, second.unverified, second.verified_share) == (4, {}, 1.0)


@pytest.mark.parametrize(("epoch", "missed", "unknown"), [(7, 15, 0), (8, 0, 1)])
def test_report_and_verify_find_events_that_a_snapshot_jumps_over(
    tmp_path: Path, epoch: int, missed: int, unknown: int
) -> None:
    events = events_of("BTC/USD")
    (jump,) = events_of("BTC/USD", first_seq=20, start=START + 5 * SECOND, updates=0)
    write_file(tmp_path, with_update([*events, jump], 4, epoch=epoch))
    (day,) = report_days(find_book_files([tmp_path]))
    assert (day.gaps, day.missed, day.unknown_gaps) == (1, missed, unknown)
    assert day.unverified == {"missing": pytest.approx(5 - 0.003)}
    (verdict,) = verdicts(tmp_path)
    assert (verdict.gaps, verdict.faults) == (1, 0)


def test_report_has_seconds_without_a_verified_book_by_reason(tmp_path: Path) -> None:
    start, *updates = events_of("BTC/USD", updates=1)
    events = [
        start,
        status("stale", "disconnected", START + 10 * SECOND),
        status("syncing", "no book yet", START + 12 * SECOND),
        status("live", None, START + 15 * SECOND),
        msgspec.structs.replace(updates[0], recorded_at=START + 20 * SECOND),
    ]
    write_file(tmp_path, events)
    (day,) = report_days(find_book_files([tmp_path]))
    assert day.unverified == {"disconnected": 2.0, "no book yet": 3.0}
    assert day.verified_share == 0.75


def test_span_over_midnight_is_divided_between_the_days(tmp_path: Path) -> None:
    midnight = (START // (86_400 * SECOND) + 1) * 86_400 * SECOND
    start, *updates = events_of("BTC/USD", updates=1)
    events = [
        msgspec.structs.replace(start, recorded_at=midnight - 60 * SECOND),
        status("stale", "disconnected", midnight - 4 * SECOND),
        msgspec.structs.replace(updates[0], recorded_at=midnight + 6 * SECOND),
    ]
    write_file(tmp_path, events)
    first, second = report_days(find_book_files([tmp_path]))
    assert (first.unverified, second.unverified) == ({"disconnected": 4.0}, {"disconnected": 6.0})


def test_report_prints_a_table_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(tmp_path, events_of("BTC/USD"))
    assert main(["report", str(tmp_path)]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["book", "day", "from"]
    assert row.split() == [
        "BTC/USD", "2026-11-27", "16:00:00", "16:00:00", "4", "0", "0", "100.000%", "-",
    ]  # fmt: skip
    assert main(["report", "--json", str(tmp_path)]) == 0
    report = msgspec.json.decode(capsys.readouterr().out)
    assert (report["symbol"], report["events"]) == ("BTC/USD", 4)
    assert report["first_time"] == "2026-11-27T16:00:00Z"
