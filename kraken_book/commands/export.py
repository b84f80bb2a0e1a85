"""`kraken-book export`: write recordings in the formats of other programs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from kraken_book.commands.parser import CommandParser
from kraken_book.commands.progress_line import ProgressLine
from kraken_book.commands.running import exit_code_of
from kraken_book.commands.selecting import add_selection, selected
from kraken_book.recording.export.export import export_books
from kraken_book.recording.export.formats import FORMATS

NAME = "kraken-book export"
EXIT_CODES = {
    0: "success; each file is a line on standard output",
    1: "a file cannot be written",
    2: "an argument is invalid, or nothing was recorded that fits",
    130: "interrupted by SIGINT (Ctrl-C)",
}


def run(arguments: Sequence[str]) -> int:
    """Export the recordings that the arguments name; return the exit code."""
    given = read_arguments(arguments)
    return exit_code_of(NAME, lambda: _export(given))


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = CommandParser(
        "export",
        "Write one file for each book and day (UTC). Levels that left the window of the book are"
        " deleted explicitly.",
        EXIT_CODES,
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=tuple(FORMATS),
        help="tardis: incremental_book_L2 as CSV; hftbacktest: npz; ndjson: the events;"
        " csv: changes of levels",
    )
    add_selection(parser)
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a recording")
    parser.add_argument("target", type=Path, metavar="TARGET", help="the folder for the files")
    given: argparse.Namespace = parser.parse_args(arguments)
    return given


def _export(given: argparse.Namespace) -> None:
    files, span = selected(given, [given.source])
    progress = ProgressLine(NAME)
    events, done = sum(file.metadata.events for file in files), 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress.show_share(done, events, f"{done:,} of {events:,} events")

    writer = FORMATS[given.format]
    for path in export_books(
        files, given.target, writer, span, replaces=given.force, on_events=count
    ):
        progress.clear()
        print(path)  # noqa: T201
    progress.clear()
