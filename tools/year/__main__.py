"""`make year`: an hour in which everything happens that happens in a year; nothing may grow.

python -m tools.year --seconds 300 --seed 4
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from lab.stage import Stage
from tools.console import exit_on_signals, options_parser, print_progress, print_verdict
from tools.year.report import report
from tools.year.run import YearOptions, YearRun

DESCRIPTION = "Replace, rotate and fail everything again and again; nothing may grow."


def main() -> int:
    """Run the tool; return the exit code."""
    options = read_options()
    exit_on_signals()
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        print_progress(f"{options.seconds:.0f} s, seed {options.seed}")
        year = YearRun(stage, Path(folder), options, print_progress)
        try:
            year.run()
        except AssertionError as error:
            return print_verdict(report(year.outcome), (), error)
    return print_verdict(report(year.outcome), year.outcome.broken)


def read_options() -> YearOptions:
    """Return the options of the command line."""
    parser = options_parser("year", DESCRIPTION)
    parser.add_argument(
        "--seconds",
        type=float,
        default=3600.0,
        help="duration of the happenings in seconds (default: %(default)g)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=random.randrange(10**6),
        help="seed of the happenings (default: random)",
    )
    parser.add_argument(
        "--samples",
        type=Path,
        help="file for all samples, a line of JSON each (default: none)",
    )
    given = parser.parse_args()
    return YearOptions(given.seconds, given.seed, given.samples)


if __name__ == "__main__":
    sys.exit(main())
