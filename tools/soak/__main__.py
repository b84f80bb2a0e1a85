"""`make soak`: run under load with a fault every second, then account for every update.

`run` starts real processes and injects the faults of `tools.faults`, `memory` samples their memory,
`audit` reads every stream with a reader that shares no code with the services, and `report` renders
the figures. The exit code is 0 if every promise held.

    python -m tools.soak --seconds 300 --symbols 200 --rate 5000
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from lab.stage import Stage
from tools.console import exit_on_signals, options_parser, print_progress, print_verdict
from tools.soak.report import report
from tools.soak.run import READ, SoakOptions, SoakRun, broken_promises

MIN_SECONDS_FOR_MEMORY = 300.0
"""The length of a run from which the growth of memory is judged: before, memory still settles."""

DESCRIPTION = "Run under load with a fault every second, then account for every update."


def main() -> int:
    """Run the tool; return the exit code."""
    options = read_options()
    exit_on_signals()
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        print_progress(
            f"{options.symbols} symbols, {options.rate:,.0f} updates per second,"
            f" seed {options.seed}"
        )
        soak = SoakRun(stage, options, print_progress)
        print_progress(f"injecting a fault every second for {options.seconds:.0f} s")
        try:
            soak.run()
        except AssertionError as error:
            return print_verdict(report(soak.outcome, soak.memory), (), error)
    names = soak.memory.samples if options.seconds >= MIN_SECONDS_FOR_MEMORY else ()
    broken = broken_promises(soak.outcome, soak.memory, list(names))
    return print_verdict(report(soak.outcome, soak.memory), broken)


def read_options() -> SoakOptions:
    """Return the options of the command line."""
    parser = options_parser("soak", DESCRIPTION)
    add = parser.add_argument
    add(
        "--seconds",
        type=float,
        default=300.0,
        help="duration of the faults in seconds (default: %(default)g)",
    )
    add(
        "--symbols",
        type=int,
        default=200,
        help=f"number of symbols, {len(READ)} or more (default: %(default)s)",
    )
    add(
        "--rate",
        type=float,
        default=5000.0,
        help="book updates per second (default: %(default)g)",
    )
    add(
        "--seed",
        type=int,
        default=random.randrange(10**6),
        help="seed of the faults: the same seed repeats the faults of a run (default: random)",
    )
    given = parser.parse_args()
    if given.symbols < len(READ):
        parser.error(f"--symbols {given.symbols}: use {len(READ)} or more")
    return SoakOptions(given.seconds, given.symbols, given.rate, given.seed)


if __name__ == "__main__":
    sys.exit(main())
