"""Prove book files again: rebuild each book from its integers, and verify it after each event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kraken_book.errors import BookInvalid
from kraken_book.event import Lagged, Snapshot, Update
from kraken_book.position import Position
from kraken_book.recording.manifest import ManifestLine, file_sha256
from kraken_book.recording.reader import BATCH_ROWS, BookFile
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.rows import EventAssembler, floats_of
from kraken_book.recording.schema import SCHEMA
from kraken_book.verified_book import VerifiedBook

__all__ = ["FileVerdict", "verify_book_files", "verify_manifest"]

# Faults of a file that are described; the others are only counted.
MAX_DESCRIBED = 20

OnRows = Callable[[int], None]


class FileVerdict(msgspec.Struct, kw_only=True):
    """The result for one file.

    Attributes:
        path: The file.
        books: The symbols in it.
        events: Number of events, without the snapshot that continues an earlier file.
        verified: Events after which the book had the venue's checksum.
        rejected: Events that the recorder had marked as not verified.
        gaps: How often events are missing, by what the file says.
        faults: Number of faults.
        described: Where and what the first faults are.
    """

    path: Path
    books: list[str] = []
    events: int = 0
    verified: int = 0
    rejected: int = 0
    gaps: int = 0
    faults: int = 0
    described: list[str] = []

    def add_fault(self, text: str) -> None:
        """Count a fault, and describe it if there are few."""
        self.faults += 1
        if len(self.described) < MAX_DESCRIBED:
            self.described.append(text)


def verify_book_files(
    files: Iterable[BookFile], on_rows: OnRows = lambda _: None
) -> Iterator[FileVerdict]:
    """Yield a verdict on each file, in the order of books and times.

    Args:
        files: The files; those of one book should be given together, because each file is compared
            with the end of the one before.
        on_rows: Called with numbers of rows that were read.

    Yields:
        The verdict on a file.
    """
    of_books: dict[str, list[BookFile]] = defaultdict(list)
    for file in files:
        of_books[file.metadata.symbol].append(file)
    for symbol in sorted(of_books):
        proof = _Proof(symbol)
        for file in sorted(of_books[symbol], key=lambda file: file.metadata.first_time):
            yield _verified(file, proof, on_rows)


def verify_manifest(root: Path, lines: Iterable[ManifestLine]) -> Iterator[FileVerdict]:
    """Yield a verdict on each file that differs from its line in the manifest, or is not in it.

    Args:
        root: The folder of the recording.
        lines: The lines of its manifest.

    Yields:
        The verdict on a file with a fault.
    """
    listed = {line.path: line for line in lines}
    for line in listed.values():
        verdict = FileVerdict(path=root / line.path, books=[line.file.symbol])
        try:
            if file_sha256(verdict.path) != line.sha256:
                verdict.add_fault("it differs from its SHA-256 in the manifest")
        except OSError as error:
            verdict.add_fault(f"it is in the manifest: {error.strerror}")
        if verdict.faults:
            yield verdict
    for path in sorted(root.rglob("*.parquet")):
        name = path.relative_to(root).as_posix()
        if name not in listed and not path.name.startswith("_"):
            verdict = FileVerdict(path=path)
            verdict.add_fault("it is not in the manifest")
            yield verdict


def _verified(file: BookFile, proof: _Proof, on_rows: OnRows) -> FileVerdict:
    verdict = FileVerdict(path=file.path, books=[file.metadata.symbol])
    proof.begin_file()
    rows = 0
    assembler = EventAssembler(file.metadata.source, file.metadata.depth)
    try:
        with pq.ParquetFile(file.path) as parquet:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=SCHEMA.names):
                if wrong := _wrong_floats(batch):
                    verdict.add_fault(f"{wrong} floats differ from their integers")
                for recorded in assembler.feed(batch):
                    proof.add(recorded, verdict)
                rows += batch.num_rows
                on_rows(batch.num_rows)
    except (OSError, ValueError, pa.ArrowException) as error:
        verdict.add_fault(f"it cannot be read: {error}")
        return verdict
    if not assembler.is_whole:
        verdict.add_fault("the last event is not complete")
    said = file.metadata
    if (said.rows, said.events) != (rows, verdict.events):
        verdict.add_fault(
            f"it has {rows} rows and {verdict.events} events, its metadata say {said.rows} and"
            f" {said.events}"
        )
    return verdict


class _Proof:
    """The proof of one book over its files."""

    def __init__(self, symbol: str) -> None:
        self._book = VerifiedBook(symbol)
        self._is_first_of_file = True
        self._is_gap_told = False

    def begin_file(self) -> None:
        self._is_first_of_file = True

    def add(self, recorded: RecordedEvent, verdict: FileVerdict) -> None:
        """Apply the next event, and count what it leads to."""
        is_first, self._is_first_of_file = self._is_first_of_file, False
        if recorded.is_continued:
            if not is_first:
                verdict.add_fault(f"event {_shown(recorded)} continues a file in its middle")
            self._continue(recorded, verdict)
            return
        verdict.events += 1
        event = recorded.event
        if isinstance(event, Lagged):
            verdict.gaps += 1
            self._is_gap_told = True
            self._book.apply(event)
            return
        if recorded.position is None:
            return
        if isinstance(event, Snapshot | Update) and not recorded.is_verified:
            verdict.rejected += 1
            return
        if isinstance(event, Snapshot):
            # A `lagged` has already told the missing events before the next snapshot.
            verdict.gaps += not self._is_gap_told and recorded.has_gap_before(self._book.position)
            self._is_gap_told = False
            if event.received_at is None:
                # The api made it to open a stream, at the present position.
                self._book.begin()
        self._apply(recorded, verdict)

    def _continue(self, recorded: RecordedEvent, verdict: FileVerdict) -> None:
        last = self._book.position
        if last is not None and recorded.position != last:
            verdict.gaps += 1
            verdict.add_fault(
                f"it continues at {_shown(recorded)}, but the file before ends at"
                f" {last.epoch}-{last.seq}"
            )
        self._book.begin()
        self._apply(recorded, verdict, counts=False)

    def _apply(self, recorded: RecordedEvent, verdict: FileVerdict, *, counts: bool = True) -> None:
        before = self._book.counts.verified
        event = recorded.event
        assert not isinstance(event, Lagged)
        was_dropped = self._book.book is None and isinstance(event, Update)
        try:
            is_new = self._book.apply(event)
        except BookInvalid as error:
            verdict.add_fault(f"event {_shown(recorded)}: {error.reason}: {error}")
            return
        if not is_new and not was_dropped:
            verdict.add_fault(f"event {_shown(recorded)} is repeated, or out of order")
        if counts:
            verdict.verified += self._book.counts.verified - before


def _shown(recorded: RecordedEvent) -> str:
    position: Position | None = recorded.position
    return "without a position" if position is None else f"{position.epoch}-{position.seq}"


def _wrong_floats(batch: pa.RecordBatch) -> int:
    """Return the number of prices and quantities that are not the floats of their integers."""
    wrong = 0
    for value, units, decimals in (
        ("price", "price_ticks", "price_precision"),
        ("qty", "qty_lots", "qty_precision"),
    ):
        expected = floats_of(batch[units], batch[decimals])
        differs = pc.and_(pc.is_valid(expected), pc.not_equal(batch[value], expected))
        wrong += pc.sum(differs).as_py() or 0
    return wrong
