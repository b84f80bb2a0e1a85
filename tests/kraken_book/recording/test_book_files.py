"""A book file has its events, metadata and manifest line, and each reader reads it in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kraken_book.errors import DamagedRecording
from kraken_book.recording.layout import partial_of
from kraken_book.recording.manifest import file_sha256, read_manifest
from kraken_book.recording.reader import find_book_files, open_book_file, read_events, read_file
from tests.kraken_book.recording.made import START, events_of, write_file


def test_file_has_its_events_metadata_and_manifest_line(tmp_path: Path) -> None:
    events = events_of("BTC/USD")
    line = write_file(tmp_path, events)
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
    write_file(tmp_path, ether)
    write_file(tmp_path, bitcoin)
    expected = sorted([*bitcoin, *ether], key=lambda each: each.recorded_at)
    assert list(read_events(find_book_files([tmp_path]))) == expected


def rows_of(query: str) -> list[Any]:
    import duckdb

    relation = duckdb.sql(query)
    assert relation is not None
    return relation.fetchall()


def test_polars_duckdb_and_pandas_read_a_recording_in_one_line(tmp_path: Path) -> None:
    import pandas as pd
    import polars as pl

    write_file(tmp_path, events_of("BTC/USD"))
    write_file(tmp_path, events_of("ETH/USD"))
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
    line = write_file(tmp_path, events_of("BTC/USD"))
    with (tmp_path / "_manifest.jsonl").open("ab") as file:
        file.write(b'{"path":')
    assert read_manifest(tmp_path) == [line]


@pytest.mark.parametrize(
    ("line", "words"), [(b"{}", "path"), (b'{"path":"\xff"}', "utf-8"), (b"{", "truncated")]
)
def test_damaged_line_of_the_manifest_is_named(tmp_path: Path, line: bytes, words: str) -> None:
    (tmp_path / "_manifest.jsonl").write_bytes(line + b"\n")
    with pytest.raises(DamagedRecording, match=rf"_manifest.jsonl, line 1: .*{words}"):
        read_manifest(tmp_path)
