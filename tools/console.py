"""What all tools share: options, lines with the time, tables, the verdict, and ending in order."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from types import FrameType
from typing import NoReturn

from runtime.command_line import OneLineParser

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BEGUN_AT = time.monotonic()


def options_parser(tool: str, description: str) -> OneLineParser:
    """Return the parser of `python -m tools.TOOL`; each tool explains itself with `--help`."""
    return OneLineParser(f"python -m tools.{tool}", description=description, allow_abbrev=False)


def say(line: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"[{time.monotonic() - _BEGUN_AT:5.1f} s] {line}", flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> Iterator[str]:
    """Yield the lines of a table; the first `words` columns are left-aligned, figures right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, ["-" * width for width in widths], *rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:words], widths, strict=False)]
        figures = zip(row[words:], widths[words:], strict=True)
        cells += [cell.rjust(width) for cell, width in figures]
        yield "  ".join(cells).rstrip()


def verdict(report: Iterable[str], wrong: Iterable[str], failure: object = None) -> int:
    """Print the report, what is wrong, and whether every promise held.

    Args:
        report: The figures, line by line.
        wrong: What should not have been.
        failure: Why the run did not come to its end; None if it did.

    Returns:
        The exit code: 0 if every promise held.

    """
    print("\n" + "\n".join(report))
    wrong = list(wrong)
    for each in wrong:
        print(f"WRONG: {each}")
    if failure is not None:
        print(f"FAILED: {failure}")
    is_good = failure is None and not wrong
    say("every promise held" if is_good else "not every promise held")
    return 0 if is_good else 1


def exit_on_signals() -> None:
    """Raise SystemExit at the first SIGINT or SIGTERM, so that contexts close."""
    for number in SIGNALS:
        signal.signal(number, _exit)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    # A second signal must not stop the cleaning up.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)
