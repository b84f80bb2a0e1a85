"""The book files that are written at a time: one of each book that has events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kraken_book.recording.book_writer import BookForm, BookWriter
from kraken_book.recording.journal import JournalEntry
from kraken_book.recording.manifest import ManifestLine, append_lines

__all__ = ["Part"]

# Rows of all books that wait for a row group: about 130 bytes each. Larger row groups compress
# better, and are read faster.
MAX_WAITING_ROWS = 1_000_000


class Part:
    """Writes the rows of a journal into book files, until they are finished together.

    The same entries lead to the same files. OSError is raised if they cannot be written.

    Args:
        root: The folder of the recording.
        max_waiting_rows: Rows that may wait to be written.
    """

    def __init__(self, root: Path, max_waiting_rows: int = MAX_WAITING_ROWS) -> None:
        self._root = root
        self._max_waiting_rows = max_waiting_rows
        self._forms: dict[str, BookForm] = {}
        self._writers: dict[str, BookWriter] = {}
        self._waiting: dict[str, list[pa.RecordBatch]] = defaultdict(list)
        self._waiting_rows = 0
        self._first_ids: dict[str, str | None] = {}
        self._stream_id: str | None = None
        # Files that were finished before the others, because their book's form changed.
        self._lines: list[ManifestLine] = []

    def add(self, entry: JournalEntry) -> None:
        """Write an entry of the journal, now or when enough rows wait."""
        for form in entry.forms:
            if self._forms.get(form.symbol, form) != form:
                self._finish_book(form.symbol)
            self._forms[form.symbol] = form
        if entry.kind == "rows":
            for symbol, rows in _by_symbol(entry.rows):
                self._first_ids.setdefault(symbol, self._stream_id)
                self._waiting[symbol].append(rows)
            self._waiting_rows += entry.rows.num_rows
            if self._waiting_rows >= self._max_waiting_rows:
                self._write_waiting()
        self._stream_id = entry.stream_id

    def finish(self) -> list[ManifestLine]:
        """Finish all files, and add them to the manifest.

        Returns:
            The lines of the files.
        """
        for symbol in sorted({*self._writers, *self._waiting}):
            self._finish_book(symbol)
        lines, self._lines = self._lines, []
        if lines:
            append_lines(self._root, lines)
        self._first_ids.clear()
        return lines

    def _finish_book(self, symbol: str) -> None:
        self._write_book(symbol)
        writer = self._writers.pop(symbol, None)
        self._first_ids.pop(symbol, None)
        if writer is not None:
            self._lines.append(writer.finish(self._stream_id))

    def _write_waiting(self) -> None:
        for symbol in list(self._waiting):
            self._write_book(symbol)

    def _write_book(self, symbol: str) -> None:
        batches = self._waiting.pop(symbol, None)
        if not batches:
            return
        writer = self._writers.get(symbol)
        if writer is None:
            form, first_id = self._forms[symbol], self._first_ids.get(symbol)
            writer = self._writers[symbol] = BookWriter(self._root, form, batches[0], first_id)
        rows = pa.Table.from_batches(batches)
        self._waiting_rows -= rows.num_rows
        writer.write(rows)


def _by_symbol(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the rows of each symbol, in their order."""
    if not rows.num_rows:
        return
    # The sort is stable, so each symbol's rows stay in order.
    in_order = rows.take(pc.sort_indices(rows["symbol"].cast(pa.string())))
    at = 0
    for run in pc.value_counts(in_order["symbol"]).to_pylist():
        yield run["values"], in_order.slice(at, run["counts"])
        at += run["counts"]
