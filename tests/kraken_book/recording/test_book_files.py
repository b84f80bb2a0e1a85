"""A book file has its events, metadata and manifest line, and each reader reads it in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kraken_book.book import Book
from kraken_book.errors import DamagedRecording
from kraken_book.event import Snapshot, Update
from kraken_book.precision import Precision
from kraken_book.recording.book_writer import BookForm, BookWriter
from kraken_book.recording.layout import partial_of
from kraken_book.recording.manifest import ManifestLine, append_lines, file_sha256, read_manifest
from kraken_book.recording.reader import find_book_files, open_book_file, read_events, read_file
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.rows import RowBuffer

PRECISION = Precision(1, 8)
START = 1_795_795_200_000_000


def events_of(symbol: str, first_seq: int = 1, start: int = START) -> list[RecordedEvent]:
    """Return a snapshot and three updates, as a recorder gets them."""
    book = Book(symbol, 10, PRECISION)
    events: list[RecordedEvent] = []
    for number in range(4):
        bids = [(f"{100 + number}.0", "1.00000000")]
        asks = [("200.0", f"{number + 1}.50000000")]
        book.update(book.levels(bids), book.levels(asks))
        common: dict[str, Any] = {
            "symbol": symbol, "seq": first_seq + number, "epoch": 7,
            "best_bid": None, "best_ask": None, "spread": None, "bids": bids, "asks": asks,
            "checksum": book.checksum(), "exchange_time": "2026-11-27T18:00:00.000001Z",
            "received_at": None,
        }  # fmt: skip
        event: Snapshot | Update
        if number:
            event = Update(**common)
        else:
            event = Snapshot(
                **common, depth=10, price_precision=1, qty_precision=8, source="kraken",
                conflated=None,
            )  # fmt: skip
        at = start + number * 1000
        events.append(RecordedEvent(event=event, recorded_at=at, is_verified=True))
    return events


def write(root: Path, events: list[RecordedEvent]) -> ManifestLine:
    buffer = RowBuffer()
    for event in events:
        buffer.add(event, PRECISION)
    batch = buffer.take()
    form = BookForm(events[0].symbol, "kraken", 10, *PRECISION)
    writer = BookWriter(root, form, batch, "1-1")
    writer.write(pa.Table.from_batches([batch]))
    line = writer.finish("2-4")
    append_lines(root, [line])
    return line


def test_file_has_its_events_metadata_and_manifest_line(tmp_path: Path) -> None:
    events = events_of("BTC/USD")
    line = write(tmp_path, events)
    (file,) = find_book_files([tmp_path])
    assert list(read_file(file)) == events
    assert file.metadata == line.file
    assert (file.metadata.rows, file.metadata.events, file.metadata.gaps) == (8, 4, 0)
    assert (file.metadata.first_seq, file.metadata.last_seq) == (1, 4)
    assert file.metadata.last_time == START + 3000
    assert read_manifest(tmp_path) == [line]
    assert file_sha256(tmp_path / line.path) == line.sha256
    folder = "venue=kraken/symbol=BTC%2FUSD/date=2026-11-27"
    assert line.path == f"{folder}/20261127T160000.000000Z-7.parquet"


def test_events_of_many_books_come_in_the_order_of_time(tmp_path: Path) -> None:
    bitcoin, ether = events_of("BTC/USD"), events_of("ETH/USD", start=START + 500)
    write(tmp_path, ether)
    write(tmp_path, bitcoin)
    expected = sorted([*bitcoin, *ether], key=lambda each: each.recorded_at)
    assert list(read_events(find_book_files([tmp_path]))) == expected


def rows_of(query: str) -> list[Any]:
    relation = duckdb.sql(query)
    assert relation is not None
    return relation.fetchall()


def test_polars_duckdb_and_pandas_read_a_recording_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, events_of("BTC/USD"))
    write(tmp_path, events_of("ETH/USD"))
    # A file that is being written is in nobody's way.
    partial_of(tmp_path / "venue=kraken" / "x.parquet").write_bytes(b"half")
    names = f"'{tmp_path}/**/*.parquet'"
    totals = [
        pl.read_parquet(f"{tmp_path}/**/*.parquet")["qty"].sum(),
        rows_of(f"SELECT sum(qty) FROM {names}")[0][0],
        pd.read_parquet(tmp_path)["qty"].sum(),
    ]
    assert totals == [32.0, 32.0, 32.0]
    by_symbol = pd.read_parquet(tmp_path, filters=[("symbol", "=", "ETH/USD")])
    assert set(by_symbol["symbol"]) == {"ETH/USD"}
    ((time,),) = rows_of(f"SELECT min(recorded_at) FROM {names}")
    assert time.timestamp() * 1e6 == START


def test_error_names_the_file_that_is_no_book_file(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    with pytest.raises(DamagedRecording, match=r"foreign.parquet: it is not a book file"):
        open_book_file(foreign)
    foreign.write_bytes(b"PAR1")
    with pytest.raises(DamagedRecording, match=r"foreign.parquet: "):
        open_book_file(foreign)
    with pytest.raises(DamagedRecording, match=r"there is no such file"):
        find_book_files([tmp_path / "missing"])


def test_torn_end_of_the_manifest_is_ignored(tmp_path: Path) -> None:
    line = write(tmp_path, events_of("BTC/USD"))
    with (tmp_path / "_manifest.jsonl").open("ab") as file:
        file.write(b'{"path":')
    assert read_manifest(tmp_path) == [line]


def test_damaged_line_of_the_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "_manifest.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match=r"_manifest.jsonl, line 1: .*path"):
        read_manifest(tmp_path)
