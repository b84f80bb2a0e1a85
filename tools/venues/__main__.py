"""`make venues-test`: disturb one of several venues at a time, while all others must stay live.

`system` starts a simulator and a collector for each venue, a Redis and two apis. `run` lets one
venue after another have random faults and kills, while readers verify every event and `sampler`
asks the apis for the books. `audit` has the promises, and `report` renders the figures. The exit
code is 0 if every promise held.

    python -m tools.venues --venues kraken,coinbase,binance,bitfinex --seconds 600 --seed 5
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
from pathlib import Path

from collector.settings import VENUES
from lab.stage import Stage
from tools.console import exit_on_signals, options_parser, print_progress, print_verdict
from tools.venues.report import report
from tools.venues.run import VenuesOptions, VenuesRun, broken_promises
from tools.venues.system import BASES

DESCRIPTION = "Disturb one venue at a time with faults and kills; the others must not notice."


def main() -> int:
    """Run the tool; return the exit code."""
    options = read_options()
    exit_on_signals()
    # The report contains all interruptions of the readers.
    logging.getLogger("kraken_book.client").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        print_progress(f"starting {len(options.venues)} venues, seed {options.seed}")
        run = VenuesRun(stage, options, print_progress)
        print_progress(f"disturbing one venue at a time for {options.seconds:.0f} s")
        failure = None
        try:
            run.run()
        except AssertionError as error:
            failure = error
        return print_verdict(report(run.outcome), broken_promises(run.outcome), failure)


def read_options() -> VenuesOptions:
    """Return the options of the command line."""
    parser = options_parser("venues", DESCRIPTION)
    add = parser.add_argument
    add(
        "--venues",
        default=",".join(VENUES),
        help="comma-separated venues, two or more (default: %(default)s)",
    )
    add(
        "--seconds",
        type=float,
        default=600.0,
        help="duration of the faults in seconds (default: %(default)g)",
    )
    add(
        "--books",
        type=int,
        default=len(BASES),
        help=f"books of each venue, 1 to {len(BASES)} (default: %(default)s)",
    )
    add(
        "--rate",
        type=float,
        default=100.0,
        help="moves per second of each venue's markets (default: %(default)g)",
    )
    add(
        "--seed",
        type=int,
        default=random.randrange(10**6),
        help="seed of the faults: the same seed repeats the faults of a run (default: random)",
    )
    given = parser.parse_args()
    venues = tuple(dict.fromkeys(given.venues.split(",")))
    if len(venues) < 2 or not set(venues) <= set(VENUES):
        parser.error(f"--venues {given.venues}: use two or more of {', '.join(VENUES)}")
    if not 1 <= given.books <= len(BASES):
        parser.error(f"--books {given.books}: use 1 to {len(BASES)}")
    return VenuesOptions(venues, given.seconds, given.books, given.rate, given.seed)


if __name__ == "__main__":
    sys.exit(main())
