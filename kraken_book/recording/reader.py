"""Read the events of book files: of one file, or of a whole recording in the order of time."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from kraken_book.errors import DamagedRecording
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.rows import EventAssembler
from kraken_book.recording.schema import SCHEMA, FileMetadata, decode_metadata

__all__ = [
    "BookFile",
    "find_book_files",
    "find_book_paths",
    "find_paths",
    "open_book_file",
    "read_events",
    "read_file",
]

# Rows in memory for each open file.
BATCH_ROWS = 8192


class BookFile(NamedTuple):
    """A book file and its metadata."""

    path: Path
    metadata: FileMetadata


def open_book_file(path: Path) -> BookFile:
    """Return a book file with its metadata.

    Args:
        path: Path of the file.

    Raises:
        DamagedRecording: It cannot be read, or is not a book file; the message names it.
    """
    try:
        parquet = pq.read_metadata(path)
        metadata = decode_metadata(parquet.metadata)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DamagedRecording(f"{path}: {error}") from None
    names = parquet.schema.to_arrow_schema().names
    for name in SCHEMA.names:
        if name not in names:
            raise DamagedRecording(f"{path}: it has no column {name}")
    return BookFile(path, metadata)


def find_book_paths(paths: Iterable[Path]) -> list[Path]:
    """Return the paths of the finished Parquet files at and below `paths`, sorted.

    DamagedRecording is raised if a path does not exist, or a folder has no such file.

    Args:
        paths: Files or folders.
    """
    return find_paths(paths, (".parquet",), "there is no finished book file (*.parquet) in it")


def find_paths(paths: Iterable[Path], suffixes: tuple[str, ...], missing: str) -> list[Path]:
    """Return the files at and below `paths` whose names end in one of `suffixes`, sorted.

    Files whose names begin with `_`, such as those that are still written, are left out.

    Args:
        paths: Files, of any name, or folders.
        suffixes: The ends of names.
        missing: What to say of a folder without such a file.

    Raises:
        DamagedRecording: A path does not exist, or a folder has no such file.
    """
    found: set[Path] = set()
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise DamagedRecording(f"{path}: there is no such file or folder")
            found.add(path)
            continue
        inside = [
            each
            for each in path.rglob("*")
            if each.name.endswith(suffixes) and not each.name.startswith("_")
        ]
        if not inside:
            raise DamagedRecording(f"{path}: {missing}")
        found.update(inside)
    return sorted(found)


def find_book_files(paths: Iterable[Path]) -> list[BookFile]:
    """Return the book files at and below `paths`, in the order of their first times.

    A path that does not exist, and a file that is not a book file, raise DamagedRecording.

    Args:
        paths: Files or folders.
    """
    files = [open_book_file(path) for path in find_book_paths(paths)]
    return sorted(files, key=lambda file: (file.metadata.first_time, file.path))


def read_file(file: BookFile) -> Iterator[RecordedEvent]:
    """Yield the events of a book file, in order.

    Args:
        file: The file.

    Yields:
        Each event, the first of which may continue an earlier file.

    Raises:
        DamagedRecording: The file is damaged; the message names it.
    """
    assembler = EventAssembler(file.metadata.source, file.metadata.depth)
    try:
        with pq.ParquetFile(file.path) as parquet:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=SCHEMA.names):
                yield from assembler.feed(batch)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DamagedRecording(f"{file.path}: {error}") from None
    if not assembler.is_whole:
        raise DamagedRecording(f"{file.path}: the last event is not complete")


def read_events(files: Iterable[BookFile], end: int | None = None) -> Iterator[RecordedEvent]:
    """Yield the events of many files in the order in which they were recorded.

    One file of each book is open at a time. Snapshots with which a file continues an earlier one
    of the same book are left out, unless it is the first file of the book.

    Args:
        files: The files.
        end: The time in Unix microseconds before which the last event was recorded.

    Yields:
        Each event.
    """
    of_books: dict[str, list[BookFile]] = defaultdict(list)
    for file in files:
        of_books[file.metadata.symbol].append(file)
    books = [_events_of_book(each) for each in of_books.values()]
    merged = heapq.merge(*books, key=lambda recorded: recorded.recorded_at)
    yield from takewhile(lambda recorded: end is None or recorded.recorded_at < end, merged)


def _events_of_book(files: Iterable[BookFile]) -> Iterator[RecordedEvent]:
    is_first = True
    for file in sorted(files, key=lambda file: file.metadata.first_time):
        for recorded in read_file(file):
            if not recorded.is_continued or is_first:
                yield recorded
            is_first = False
