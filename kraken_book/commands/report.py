"""`kraken-book report`: what recordings have of each book and day, and what is missing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from kraken_book.commands.parser import CommandParser
from kraken_book.commands.running import exit_code_of
from kraken_book.commands.tables import print_table
from kraken_book.recording.reader import find_book_files
from kraken_book.recording.report import DayReport, report_days

NAME = "kraken-book report"
EXIT_CODES = {
    0: "success",
    1: "the output cannot be written",
    2: "an argument is invalid, or there is no recording at a path, or a damaged one",
    130: "interrupted by SIGINT (Ctrl-C)",
}
COLUMNS = ("book", "day", "from", "to", "events", "gaps", "missing", "verified", "not verified")


def run(arguments: Sequence[str]) -> int:
    """Report on the recordings that the arguments name; return the exit code."""
    given = read_arguments(arguments)
    return exit_code_of(NAME, lambda: _report(given))


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = CommandParser(
        "report",
        "List for each book and day (UTC): the span, the events, the gaps, and the seconds in which"
        " the book was not verified, with the reasons.",
        EXIT_CODES,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a recording")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each")
    given: argparse.Namespace = parser.parse_args(arguments)
    return given


def _report(given: argparse.Namespace) -> None:
    reports = report_days(find_book_files(given.paths))
    if given.json:
        for report in reports:
            print(msgspec.json.encode(_as_json(report)).decode())  # noqa: T201
    else:
        print_table(COLUMNS, [_row(report) for report in reports])


def _row(report: DayReport) -> tuple[object, ...]:
    missing = f"{report.missed:,}" + (
        f" and {report.unknown_gaps} times an unknown number" if report.unknown_gaps else ""
    )
    by_length = sorted(report.unverified.items(), key=lambda item: -item[1])
    reasons = ", ".join(f"{seconds:.1f} s {reason}" for reason, seconds in by_length)
    return (
        *(report.symbol, report.day, _clock(report.first_time), _clock(report.last_time)),
        *(report.events, report.gaps, missing, f"{report.verified_share:.3%}", reasons or "-"),
    )


def _clock(time: int) -> str:
    return f"{datetime.fromtimestamp(time / 1e6, UTC):%H:%M:%S}"


def _as_json(report: DayReport) -> dict[str, object]:
    values = msgspec.structs.asdict(report)
    for name in ("first_time", "last_time"):
        values[name] = datetime.fromtimestamp(values[name] / 1e6, UTC)
    return {**values, "verified_share": report.verified_share}
