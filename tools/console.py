"""The console of all tools: options, progress lines, tables, the verdict, and signals."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import NoReturn

from runtime.command_line import ExitCodes, OneLineParser

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STARTED_AT = time.monotonic()

PROMISES_KEPT: ExitCodes = {
    0: "every promise held",
    1: "a promise was broken, or the run failed",
    2: "an argument is invalid, or something that the run needs is missing",
    130: "interrupted by SIGINT (Ctrl-C)",
    143: "ended by SIGTERM",
}
"""The exit codes of a tool that calls `exit_on_signals` and `print_verdict`."""


def options_parser(
    tool: str,
    description: str,
    exit_codes: ExitCodes = PROMISES_KEPT,
    variables: Mapping[str, str] | None = None,
) -> OneLineParser:
    """Return the command line parser of `python -m tools.TOOL`."""
    return OneLineParser(f"python -m tools.{tool}", description, exit_codes, variables)


def print_progress(line: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"[{time.monotonic() - _STARTED_AT:5.1f} s] {line}", flush=True)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1
) -> Iterator[str]:
    """Render a table.

    Args:
        head: The names of the columns.
        rows: The cells of each row.
        text_columns: The number of left-aligned columns; the columns after them are right-aligned.

    Yields:
        The lines of the table.

    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, ["-" * width for width in widths], *rows):
        texts = zip(row[:text_columns], widths, strict=False)
        cells = [cell.ljust(width) for cell, width in texts]
        figures = zip(row[text_columns:], widths[text_columns:], strict=True)
        cells += [cell.rjust(width) for cell, width in figures]
        yield "  ".join(cells).rstrip()


def print_verdict(report: Iterable[str], broken: Iterable[str], failure: object = None) -> int:
    """Print the report, the broken promises, and whether every promise held.

    Args:
        report: The lines of the report.
        broken: The broken promises.
        failure: The error that stopped the run early; None if the run is complete.

    Returns:
        The exit code: 0 if the run is complete and every promise held, else 1.

    """
    print("\n" + "\n".join(report))
    broken = list(broken)
    for each in broken:
        print(f"BROKEN: {each}")
    if failure is not None:
        print(f"FAILED: {failure}")
    is_good = failure is None and not broken
    print_progress("every promise held" if is_good else "at least one promise was broken")
    return 0 if is_good else 1


def exit_on_signals() -> None:
    """Raise SystemExit at the first SIGINT or SIGTERM, so that contexts close."""
    for number in SIGNALS:
        signal.signal(number, _exit)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    # A second signal must not interrupt the cleanup.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)
