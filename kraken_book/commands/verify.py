"""`kraken-book verify`: prove recordings again, event by event."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from kraken_book.commands.parser import CommandParser
from kraken_book.commands.progress_line import ProgressLine
from kraken_book.commands.running import exit_code_of
from kraken_book.commands.tables import print_table
from kraken_book.errors import DamagedRecording
from kraken_book.printable import printable
from kraken_book.recording.layout import MANIFEST
from kraken_book.recording.manifest import read_manifest
from kraken_book.recording.reader import BookFile, find_paths, open_book_file
from kraken_book.recording.verify import FileVerdict, verify_book_files, verify_manifest
from kraken_book.recording.verify_tape import TAPE_SUFFIXES, verify_tapes

NAME = "kraken-book verify"
EXIT_CODES = {
    0: "each event was proved, and nothing differs from the manifests",
    1: "something is wrong; each fault is a line on standard output",
    2: "an argument is invalid, or there is no recording at a path",
    130: "interrupted by SIGINT (Ctrl-C)",
}
COLUMNS = ("book", "files", "events", "verified", "rejected", "gaps", "faults")


class Totals(msgspec.Struct):
    """The sums of one book's verdicts."""

    files: int = 0
    events: int = 0
    verified: int = 0
    rejected: int = 0
    gaps: int = 0
    faults: int = 0

    def add(self, verdict: FileVerdict) -> None:
        """Add the verdict on a file."""
        self.files += 1
        self.events += verdict.events
        self.verified += verdict.verified
        self.rejected += verdict.rejected
        self.gaps += verdict.gaps
        self.faults += verdict.faults


def run(arguments: Sequence[str]) -> int:
    """Verify the recordings that the arguments name; return the exit code."""
    given = read_arguments(arguments)
    return exit_code_of(NAME, lambda: _verify(given.paths))


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = CommandParser(
        "verify",
        "Rebuild each book of book files and tapes, and compare it with the venue's checksum after"
        " each event.",
        EXIT_CODES,
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a recording, a tape, or a file of one"
    )
    given: argparse.Namespace = parser.parse_args(arguments)
    return given


def _verify(paths: Sequence[Path]) -> int:
    progress = ProgressLine(NAME)
    totals: dict[str, Totals] = {}
    for verdict in _verdicts(paths, progress):
        for fault in verdict.described:
            progress.clear()
            print(printable(f"{verdict.path}: {fault}"))  # noqa: T201
        if len(verdict.described) < verdict.faults:
            print(f"{verdict.path}: {verdict.faults - len(verdict.described)} more")  # noqa: T201
        for symbol in verdict.books or ("?",):
            totals.setdefault(symbol, Totals()).add(verdict)
    progress.clear()
    rows = [(symbol, *msgspec.structs.astuple(each)) for symbol, each in sorted(totals.items())]
    print_table(COLUMNS, rows)
    return 1 if any(each.faults for each in totals.values()) else 0


def _verdicts(paths: Sequence[Path], progress: ProgressLine) -> Iterator[FileVerdict]:
    """Yield the verdicts on all files, and on each fault of a manifest."""
    missing = "there is no finished book file (*.parquet) and no tape in it"
    found = find_paths(paths, (".parquet", *TAPE_SUFFIXES), missing)
    yield from _verdicts_on_books([each for each in found if not _is_tape(each)], progress)
    yield from _verdicts_on_tapes([each for each in found if _is_tape(each)], progress)
    for path in paths:
        if (path / MANIFEST).exists():
            try:
                yield from verify_manifest(path, read_manifest(path))
            except DamagedRecording as error:
                yield _faulty(path / MANIFEST, error)


def _verdicts_on_books(paths: Sequence[Path], progress: ProgressLine) -> Iterator[FileVerdict]:
    files: list[BookFile] = []
    for path in paths:
        try:
            files.append(open_book_file(path))
        except DamagedRecording as error:
            yield _faulty(path, error)
    rows, done = sum(file.metadata.rows for file in files), 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress.show_share(done, rows, f"{done:,} of {rows:,} rows")

    yield from verify_book_files(files, count)


def _verdicts_on_tapes(paths: Sequence[Path], progress: ProgressLine) -> Iterator[FileVerdict]:
    # Each file is read twice.
    size, done = 2 * sum(path.stat().st_size for path in paths), 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress.show_share(done, size, f"{done // 2:,} of {size // 2:,} bytes")

    yield from verify_tapes(paths, count)


def _is_tape(path: Path) -> bool:
    return path.name.endswith(TAPE_SUFFIXES)


def _faulty(path: Path, error: DamagedRecording) -> FileVerdict:
    verdict = FileVerdict(path=path)
    verdict.add_fault(str(error).removeprefix(f"{path}: "))
    return verdict
