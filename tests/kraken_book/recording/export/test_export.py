"""`export` writes files of each format, day by day, and their books are those of the events."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from kraken_book.command_line import main
from kraken_book.event import Lagged, StatusChange
from kraken_book.recording.export.export import export_books
from kraken_book.recording.export.formats import FORMATS
from kraken_book.recording.reader import find_book_files
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.replay import TimeRange
from kraken_book.timestamps import parse_rfc3339
from kraken_book.verified_book import VerifiedBook
from tests.kraken_book.recording.kraken_events import books_of, kraken_events
from tests.kraken_book.recording.made import START, events_of, write_file

DAY = 86_400 * 1_000_000
MIDNIGHT = (START // DAY + 1) * DAY
TARDIS = "kraken_incremental_book_L2_2026-08-01_BTC-USD.csv.gz"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of real frames."""
    root = tmp_path_factory.mktemp("recording")
    write_file(root, kraken_events())
    return root


def export(form: str, source: Path, target: Path, *options: str) -> list[Path]:
    """Export, and return the files, which the program prints."""
    code = main(["export", "--format", form, *options, str(source), str(target)])
    assert code == 0
    return sorted(target.iterdir())


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.open(path, "rt").read().splitlines()]


def check_books(rows: list[tuple[int, str, float, float]], events: list[RecordedEvent]) -> None:
    """Apply rows of a local time, side, price and quantity; compare with the book of each event."""
    book: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
    pending = list(reversed(rows))
    for at, expected in books_of(events):
        while pending and pending[-1][0] <= at:
            _, side, price, qty = pending.pop()
            if qty:
                book[side][price] = qty
            else:
                book[side].pop(price, None)
        assert book == expected
    assert not pending


def test_tardis_csv_has_the_book_of_every_event(recording: Path, tmp_path: Path) -> None:
    (path,) = export("tardis", recording, tmp_path)
    assert path.name == TARDIS
    rows = rows_of(path)
    assert list(rows[0]) == [
        "exchange", "symbol", "timestamp", "local_timestamp", "is_snapshot", "side", "price",
        "amount",
    ]  # fmt: skip
    assert {(row["exchange"], row["symbol"]) for row in rows} == {("kraken", "BTC/USD")}
    check_books(
        [
            (int(row["local_timestamp"]), f"{row['side']}s", float(row["price"]),
             float(row["amount"]))
            for row in rows
        ],
        kraken_events(),
    )  # fmt: skip
    assert rows[0]["timestamp"] == str(parse_rfc3339("2026-08-01T02:53:53.398143Z") // 1000)
    assert rows[0]["is_snapshot"] == "true"
    # Deletions are no part of a snapshot.
    assert {row["is_snapshot"] for row in rows if not float(row["amount"])} == {"false"}


def test_csv_has_positions_and_exact_texts(recording: Path, tmp_path: Path) -> None:
    (path,) = export("csv", recording, tmp_path)
    assert path.name == "kraken_2026-08-01_BTC-USD.csv.gz"
    rows = rows_of(path)
    check_books(
        [
            (parse_rfc3339(row["local_time"]) // 1000, f"{row['side']}s", float(row["price"]),
             float(row["qty"]))
            for row in rows
        ],
        kraken_events(),
    )  # fmt: skip
    assert rows[0] == {
        "epoch": "3", "seq": "1", "exchange_time": "2026-08-01T02:53:53.398143Z",
        "local_time": "2026-08-01T02:53:53.418143Z", "is_snapshot": "true", "side": "bid",
        "price": "63004.9", "qty": "0.01876947",
    }  # fmt: skip


def test_npz_has_the_book_of_every_event(recording: Path, tmp_path: Path) -> None:
    (path,) = export("hftbacktest", recording, tmp_path)
    data = np.load(path)["data"]
    sides = {1 << 29: "bids", 1 << 28: "asks"}
    both = (1 << 31) | (1 << 30)
    assert set((data["ev"] & both).tolist()) == {both}
    check_books(
        [
            (int(row["local_ts"]) // 1000, sides[int(row["ev"]) & (3 << 28)], row["px"], row["qty"])
            for row in data
        ],
        kraken_events(),
    )


def test_npz_has_no_negative_latency(tmp_path: Path) -> None:
    start, *updates = events_of("BTC/USD", updates=4)
    event = msgspec.structs.replace(updates[0].event, received_at="2026-11-27T17:59:59.000001Z")
    events = [start, msgspec.structs.replace(updates[0], event=event), *updates[1:]]
    write_file(tmp_path / "rec", events)
    (path,) = export("hftbacktest", tmp_path / "rec", tmp_path / "out")
    data = np.load(path)["data"]
    assert (data["local_ts"] - data["exch_ts"]).min() == 0
    assert (np.diff(data["local_ts"]) >= 0).all()


def test_ndjson_has_the_events_with_their_best_levels(recording: Path, tmp_path: Path) -> None:
    (path,) = export("ndjson", recording, tmp_path)
    assert path.name == "kraken_2026-08-01_BTC-USD.ndjson.gz"
    events, lines = kraken_events(), lines_of(path)
    assert len(lines) == len(events)
    for recorded, line, (_, book) in zip(events, lines, books_of(events), strict=True):
        event = json.loads(msgspec.json.encode(recorded.event))
        best_bid, best_ask = max(book["bids"]), min(book["asks"])
        for name in ("best_bid", "best_ask", "spread"):
            del event[name]
        assert {name: line[name] for name in event} == event
        assert parse_rfc3339(line["recorded_at"]) == recorded.recorded_at * 1000
        assert line["verified"] is True
        assert float(line["best_bid"]["price"]) == best_bid
        assert float(line["best_ask"]["price"]) == best_ask
        assert float(line["spread"]) == pytest.approx(best_ask - best_bid)


def test_ndjson_has_gaps_and_statuses(tmp_path: Path) -> None:
    text = "2026-11-27T18:00:00.000000Z"
    stale = StatusChange("BTC/USD", None, None, "stale", "disconnected", text)
    events = [
        *events_of("BTC/USD"),
        RecordedEvent(event=stale, recorded_at=START + 9000, is_verified=False),
        RecordedEvent(
            event=Lagged("BTC/USD", 5, "trimmed"), recorded_at=START + 9001, is_verified=False
        ),
    ]
    write_file(tmp_path / "rec", events)
    (path,) = export("ndjson", tmp_path / "rec", tmp_path / "out")
    *_, status, gap = lines_of(path)
    assert (status["kind"], status["reason"], status["verified"]) == (
        "status",
        "disconnected",
        False,
    )
    assert (gap["kind"], gap["missed"]) == ("lagged", 5)


def over_midnight(root: Path) -> list[RecordedEvent]:
    """Write a recording with two events before midnight and three after it."""
    events = events_of("BTC/USD", start=MIDNIGHT - 2500, updates=4)
    write_file(root, events[:3])
    continued = msgspec.structs.replace(
        as_snapshot(events[:3]), recorded_at=events[3].recorded_at, is_continued=True
    )
    write_file(root, [continued, *events[3:]])
    return events


def as_snapshot(events: list[RecordedEvent]) -> RecordedEvent:
    """Return the book after the events as a snapshot."""
    from kraken_book.book_snapshot import snapshot_of
    from kraken_book.event import snapshot_event

    verified = VerifiedBook("BTC/USD")
    for recorded in events:
        verified.apply(recorded.event)
    assert verified.book is not None
    assert verified.position is not None
    view = snapshot_of(verified.book, "kraken", verified.checksum, verified.exchange_time)
    event = snapshot_event(view, verified.position)
    return RecordedEvent(event=event, recorded_at=0, is_verified=True)


@pytest.mark.parametrize("form", FORMATS)
def test_each_day_has_a_file_that_begins_with_the_whole_book(tmp_path: Path, form: str) -> None:
    over_midnight(tmp_path / "rec")
    first, second = export(form, tmp_path / "rec", tmp_path / "out")
    assert "2026-11-27" in first.name
    assert "2026-11-28" in second.name
    if form == "hftbacktest":
        data = np.load(second)["data"]
        whole = data[(data["ev"] & 0xFF) == 4]
        assert sorted(whole["px"]) == [100.0, 101.0, 102.0, 200.0]
        assert whole["local_ts"].tolist() == [MIDNIGHT * 1000] * 4
    elif form == "ndjson":
        snapshot, *updates = lines_of(second)
        assert snapshot["kind"] == "snapshot"
        assert [price for price, _ in snapshot["bids"]] == ["102.0", "101.0", "100.0"]
        assert parse_rfc3339(snapshot["recorded_at"]) == MIDNIGHT * 1000
        assert [update["seq"] for update in updates] == [4, 5]
    else:
        whole = [row["price"] for row in rows_of(second) if row["is_snapshot"] == "true"]
        assert whole == ["102.0", "101.0", "100.0", "200.0"]


def test_days_without_a_level_have_no_file(tmp_path: Path) -> None:
    text = "2026-11-27T18:00:00.000000Z"
    stale = StatusChange("BTC/USD", None, None, "stale", "disconnected", text)
    status = RecordedEvent(event=stale, recorded_at=START - DAY, is_verified=False)
    write_file(tmp_path / "rec", [status, *events_of("BTC/USD")])
    (path,) = export("tardis", tmp_path / "rec", tmp_path / "out")
    assert "2026-11-27" in path.name


def test_from_and_to_limit_the_events_and_the_file_begins_with_the_book(tmp_path: Path) -> None:
    events = events_of("BTC/USD", updates=9)
    write_file(tmp_path / "rec", events)
    span = ("--from", "2026-11-27T16:00:00.003Z", "--to", "2026-11-27T16:00:00.006Z")
    (path,) = export("ndjson", tmp_path / "rec", tmp_path / "out", *span)
    lines = lines_of(path)
    assert [(line["kind"], line["seq"]) for line in lines] == [
        ("snapshot", 3), ("update", 4), ("update", 5), ("update", 6),
    ]  # fmt: skip
    (path,) = export("csv", tmp_path / "rec", tmp_path / "csv", *span)
    rows = rows_of(path)
    assert [row["seq"] for row in rows if row["is_snapshot"] == "true"] == ["3"] * 4
    assert {row["seq"] for row in rows if row["is_snapshot"] == "false"} == {"4", "5", "6"}


def test_symbols_selects_books(tmp_path: Path) -> None:
    for symbol in ("BTC/USD", "ETH/USD", "ETH/EUR"):
        write_file(tmp_path / "rec", events_of(symbol))
    paths = export("tardis", tmp_path / "rec", tmp_path / "out", "--symbols", "ETH/*")
    assert [path.name[-17:] for path in paths] == ["27_ETH-EUR.csv.gz", "27_ETH-USD.csv.gz"]


def test_existing_file_is_replaced_only_with_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(tmp_path / "rec", events_of("BTC/USD"))
    (path,) = export("csv", tmp_path / "rec", tmp_path / "out")
    before = path.read_bytes()
    path.write_bytes(b"mine")
    arguments = ["export", "--format", "csv", str(tmp_path / "rec"), str(tmp_path / "out")]
    assert main(arguments) == 2
    assert f"{path} exists: use another target, or --force" in capsys.readouterr().err
    assert path.read_bytes() == b"mine"
    assert main([*arguments, "--force"]) == 0
    assert gzip.decompress(path.read_bytes()) == gzip.decompress(before)


@pytest.mark.parametrize("form", FORMATS)
def test_no_file_is_left_of_an_export_that_failed(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(tmp_path / "rec", events_of("BTC/USD"))
    line = write_file(tmp_path / "rec", events_of("BTC/USD", first_seq=9, start=START + 9000))
    path = tmp_path / "rec" / line.path
    data = bytearray(path.read_bytes())
    data[100:400] = bytes(300)
    path.write_bytes(data)
    out = tmp_path / "out"
    assert main(["export", "--format", form, str(tmp_path / "rec"), str(out)]) == 2
    assert str(path) in capsys.readouterr().err
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("form", FORMATS)
def test_file_has_its_name_only_when_it_is_complete(tmp_path: Path, form: str) -> None:
    write_file(tmp_path / "rec", events_of("BTC/USD"))
    out = tmp_path / "out"
    seen: list[list[str]] = []

    def look(_events: int) -> None:
        seen.append([each.name for each in out.iterdir()])

    files = find_book_files([tmp_path / "rec"])
    (path,) = export_books(files, out, FORMATS[form], TimeRange(), on_events=look)
    assert seen[-1] == [f"{path.name}.partial"] or form == "hftbacktest"
    assert path.name not in seen[-1]
    assert [each.name for each in out.iterdir()] == [path.name]


def test_export_that_is_closed_leaves_no_file(tmp_path: Path) -> None:
    over_midnight(tmp_path / "rec")
    out = tmp_path / "out"
    files = find_book_files([tmp_path / "rec"])
    exported = export_books(files, out, FORMATS["csv"], TimeRange())
    first = next(exported)
    exported.close()
    assert list(out.iterdir()) == [first]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "xml"], "invalid choice: 'xml'"),
        (["--format", "csv", "--symbols", "A/B"], "nothing of A/B was recorded in this time"),
        (["--format", "csv", "--from", "noon"], "use a time with a time zone, such as 2026-"),
        (["--format", "csv", "--to", "2020-01-01T00:00:00Z"], "nothing of * was recorded"),
    ],
)
def test_invalid_arguments_are_named(
    tmp_path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(tmp_path / "rec", events_of("BTC/USD"))
    try:
        code: object = main(["export", *arguments, str(tmp_path / "rec"), str(tmp_path / "out")])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert words in capsys.readouterr().err


def test_polars_duckdb_and_pandas_read_exports_in_one_line(recording: Path, tmp_path: Path) -> None:
    import duckdb
    import pandas as pd
    import polars as pl

    (path,) = export("tardis", recording, tmp_path / "tardis")
    expected = sum(float(row["amount"]) for row in rows_of(path))
    relation = duckdb.sql(f"SELECT sum(amount) FROM '{path}'")
    assert relation is not None
    assert relation.fetchall()[0][0] == pytest.approx(expected)
    assert pl.read_csv(path)["amount"].sum() == pytest.approx(expected)
    assert pd.read_csv(path)["amount"].sum() == pytest.approx(expected)
    (path,) = export("ndjson", recording, tmp_path / "ndjson")
    relation = duckdb.sql(f"SELECT max(seq) FROM read_json('{path}')")
    assert relation is not None
    assert relation.fetchall() == [(301,)]
    assert pl.read_ndjson(path)["seq"].max() == 301
    assert pd.read_json(path, lines=True)["seq"].max() == 301
