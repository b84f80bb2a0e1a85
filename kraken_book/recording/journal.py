"""The journal of a recording: all rows since its book files were last finished.

A Parquet file can be read only after its end was written. So a recorder that is killed would lose
an hour of each book. The journal is an Arrow stream that can be read up to its last whole batch:
after a kill the book files are made from it again. Its newest checkpoint has the books, so that the
recorder can continue them after the stream's last id.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec
import pyarrow as pa

from kraken_book.errors import DamagedRecording
from kraken_book.recording.book_writer import BookForm
from kraken_book.recording.layout import PARTIAL
from kraken_book.recording.schema import SCHEMA

__all__ = ["Journal", "JournalEntry", "read_journal"]

_KEY = b"kraken_book.entry"
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


class _Head(msgspec.Struct, frozen=True):
    """What the metadata of a batch has."""

    kind: Literal["rows", "checkpoint"]
    stream_id: str | None
    forms: list[BookForm]


class JournalEntry(msgspec.Struct, frozen=True):
    """One batch of the journal.

    Attributes:
        kind: `rows` for recorded events; `checkpoint` for the books after their last recorded
            events, which is in no book file. A book that is not known is a status.
        rows: The rows.
        stream_id: The id with which a reader resumes after these rows.
        forms: The forms of books that are new, or that differ since the last entry.
    """

    kind: Literal["rows", "checkpoint"]
    rows: pa.RecordBatch
    stream_id: str | None
    forms: tuple[BookForm, ...] = ()


class Journal:
    """Appends entries to a new journal, which replaces the one at `path` when it begins.

    Args:
        path: The journal's path.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new = path.with_name(path.name + PARTIAL)
        self._file: BinaryIO = self._new.open("wb", buffering=0)
        self._stream = pa.ipc.new_stream(self._file, SCHEMA, options=_OPTIONS)

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self._file.tell()

    def append(self, entry: JournalEntry) -> None:
        """Append an entry, and return when the system has it; OSError if it cannot be written."""
        head = _Head(entry.kind, entry.stream_id, list(entry.forms))
        metadata = {_KEY: msgspec.json.encode(head)}
        self._stream.write_batch(entry.rows, custom_metadata=pa.KeyValueMetadata(metadata))

    def replace_previous(self) -> None:
        """Take the place of the journal before, whose rows are in finished book files."""
        os.fsync(self._file.fileno())
        self._new.replace(self._path)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._file.close()


def read_journal(path: Path) -> Iterator[JournalEntry]:
    """Yield the entries of a journal up to its last whole one; none if there is no journal.

    Args:
        path: The journal's path.

    Yields:
        Each entry.

    Raises:
        DamagedRecording: It is another file, or the journal of another version.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        try:
            stream = pa.ipc.open_stream(file)
            if not stream.schema.equals(SCHEMA):
                raise DamagedRecording(
                    f"{path}: it is not a journal of this version: let the version that wrote it"
                    " finish its files, or move it away"
                )
            while True:
                found = stream.read_next_batch_with_custom_metadata()
                yield _entry_of(found.batch, found.custom_metadata)
        except (StopIteration, OSError, pa.ArrowException):
            # The recorder was killed while it wrote the next entry, or there is none.
            return


def _entry_of(batch: pa.RecordBatch, metadata: Any) -> JournalEntry:
    head = msgspec.json.decode(metadata[_KEY], type=_Head)
    return JournalEntry(head.kind, batch, head.stream_id, tuple(head.forms))
