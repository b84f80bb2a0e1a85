"""`make soak`: load and a fault every second for minutes, then an account of every update.

`run` starts real processes and injects `faults`, `memory` samples their memory, `audit` reads every
stream back with a reader that shares no code with the services, and `report` prints the figures.
The exit code is 0 if every promise held.

    python -m tools.soak --seconds 300 --symbols 200 --rate 5000
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from lab.stage import Stage
from tools.console import exit_on_signals, options_parser, say, verdict
from tools.soak.report import report
from tools.soak.run import READ, SoakOptions, SoakRun, wrong_in

# In a shorter run the memory has not settled.
MIN_SECONDS_FOR_MEMORY = 300.0

WHAT = "Load and a fault every second, then an account of every update."


def main() -> int:
    """Run it as the command line says; return the exit code."""
    options = read_options()
    exit_on_signals()
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        say(f"{options.symbols} symbols, {options.rate:,.0f} updates a second, seed {options.seed}")
        soak = SoakRun(stage, options, say)
        say(f"a fault every second, for {options.seconds:.0f} s")
        try:
            soak.run()
        except AssertionError as error:
            return verdict(report(soak.outcome, soak.memory), (), error)
    names = soak.memory.samples if options.seconds >= MIN_SECONDS_FOR_MEMORY else ()
    wrong = wrong_in(soak.outcome, soak.memory, list(names))
    return verdict(report(soak.outcome, soak.memory), wrong)


def read_options() -> SoakOptions:
    """Return what the command line says."""
    parser = options_parser("soak", WHAT)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long faults happen")
    parser.add_argument("--symbols", type=int, default=200, help=f"{len(READ)} or more")
    parser.add_argument("--rate", type=float, default=5000.0, help="updates a second")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="repeats the faults of a run"
    )
    given = parser.parse_args()
    if given.symbols < len(READ):
        parser.error(f"--symbols {given.symbols}: it takes {len(READ)} or more")
    return SoakOptions(given.seconds, given.symbols, given.rate, given.seed)


if __name__ == "__main__":
    sys.exit(main())
