"""Write one book file: rows into a partial file, then its metadata, checksum and final name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kraken_book.precision import Precision
from kraken_book.recording.layout import book_file, partial_of
from kraken_book.recording.manifest import ManifestLine, file_sha256
from kraken_book.recording.recorded import CONTINUED
from kraken_book.recording.schema import SCHEMA, SCHEMA_VERSION, FileMetadata
from kraken_book.symbols import venue_of

__all__ = ["BookForm", "BookWriter"]

# Delta encoding suits numbers that grow or repeat; dictionaries suit few different values.
_DELTA = ["seq", "exchange_time", "received_at", "recorded_at", "price_ticks"]
_DICTIONARY = ["symbol", "kind", "side", "status", "reason", "epoch", "price", "qty", "qty_lots"]

_NOWHERE: tuple[int | None, int | None] = (None, None)


class BookForm(NamedTuple):
    """The properties of a book that are the same in its whole file."""

    symbol: str
    source: str
    depth: int
    price_precision: int | None
    qty_precision: int | None

    @property
    def precision(self) -> Precision | None:
        """The decimals, None before the first book."""
        if self.price_precision is None or self.qty_precision is None:
            return None
        return Precision(self.price_precision, self.qty_precision)


class BookWriter:
    """Writes the file of one book.

    Until `finish`, the file has a name that no reader takes.

    Args:
        root: The folder of the recording.
        form: The book.
        first: The first rows, which name the file.
        first_id: The stream's id at the first event.
    """

    def __init__(
        self, root: Path, form: BookForm, first: pa.RecordBatch, first_id: str | None
    ) -> None:
        self._root = root
        self._form = form
        self._first_id = first_id
        self._first_time = _microseconds(first["recorded_at"][0])
        self._positions: list[tuple[int, int]] = []
        self._rows = self._events = self._gaps = 0
        self._last_time = self._first_time
        epoch = first["epoch"][0].as_py() or 0
        self._path = root / book_file(form.symbol, self._first_time, epoch)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._partial = partial_of(self._path)
        self._parquet = pq.ParquetWriter(
            self._partial,
            SCHEMA,
            compression="zstd",
            use_dictionary=_DICTIONARY,
            column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
            write_statistics=True,
        )

    @property
    def rows(self) -> int:
        """The number of written rows."""
        return self._rows

    def write(self, rows: pa.Table) -> None:
        """Append rows of whole events, as one row group.

        Args:
            rows: The rows, at least one; OSError is raised if they cannot be written.
        """
        self._parquet.write_table(rows, row_group_size=max(1, rows.num_rows))
        self._rows += rows.num_rows
        whole = rows.filter(pc.and_(rows["last"], pc.invert(_is_continued(rows))))
        self._events += whole.num_rows
        self._gaps += pc.sum(pc.equal(whole["kind"], "lagged")).as_py() or 0
        numbered = rows.filter(pc.is_valid(rows["seq"]))
        if numbered.num_rows:
            ends = [(numbered["epoch"][at].as_py(), numbered["seq"][at].as_py()) for at in (0, -1)]
            self._positions = [(self._positions or ends)[0], ends[1]]
        self._last_time = _microseconds(rows["recorded_at"][-1])

    def finish(self, last_id: str | None) -> ManifestLine:
        """Write the metadata, and give the file its name when it is on the disk.

        Args:
            last_id: The id with which a reader resumes after the last event.

        Returns:
            The file's line for the manifest.
        """
        first, last = self._positions or (_NOWHERE, _NOWHERE)
        metadata = FileMetadata(
            schema_version=SCHEMA_VERSION,
            venue=venue_of(self._form.symbol),
            **self._form._asdict(),
            first_time=self._first_time,
            last_time=self._last_time,
            first_epoch=first[0],
            first_seq=first[1],
            last_epoch=last[0],
            last_seq=last[1],
            first_id=self._first_id,
            last_id=last_id,
            rows=self._rows,
            events=self._events,
            gaps=self._gaps,
        )
        self._parquet.add_key_value_metadata(metadata.encode())
        self._parquet.close()
        with self._partial.open("rb") as file:
            os.fsync(file.fileno())
        digest = file_sha256(self._partial)
        self._partial.replace(self._path)
        path = self._path.relative_to(self._root).as_posix()
        return ManifestLine(
            path=path, bytes=self._path.stat().st_size, sha256=digest, file=metadata
        )

    def abandon(self) -> None:
        """Close and remove the partial file."""
        self._parquet.close()
        self._partial.unlink(missing_ok=True)


def _microseconds(value: pa.Scalar) -> int:
    number: int = value.value
    return number


def _is_continued(rows: pa.Table) -> pa.ChunkedArray:
    is_snapshot = pc.equal(rows["kind"], "snapshot")
    return pc.and_(is_snapshot, pc.fill_null(pc.equal(rows["reason"], CONTINUED), fill_value=False))
