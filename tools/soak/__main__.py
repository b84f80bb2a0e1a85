"""`make soak`: load and a fault every second, for minutes, and then the account of every update.

In the order that it happens: `soak` runs real processes, `faults` are what goes wrong, `gauge`
looks at their memory meanwhile, `evidence` reads every stream back with a reader that shares no
code with the services, and `report` prints the figures. It ends with 0 where every promise held.

    python -m tools.soak --seconds 300 --symbols 200 --rate 5000
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from lab.processes import Stage
from lab.readers.leave import leave_on_signals
from tools.soak.report import report
from tools.soak.soak import READ, Options, Soak, wrong_in

# In less the memory has not come to rest.
SECONDS_TO_JUDGE_MEMORY = 300.0
BEGUN = time.monotonic()


def main() -> int:
    """Run it as the command line says; returns what to exit with."""
    options = read_options()
    leave_on_signals()
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        say(f"{options.symbols} symbols, {options.rate:,.0f} updates a second, seed {options.seed}")
        soak = Soak(stage, options, say)
        say(f"a fault every second, for {options.seconds:.0f} s")
        failure = None
        try:
            soak.run()
        except AssertionError as error:
            failure = error
        print("\n".join(report(soak.outcome, soak.gauge)), flush=True)
        if failure is not None:
            print(f"FAILED: {failure}", flush=True)
            return 1
    names = soak.gauge.samples if options.seconds >= SECONDS_TO_JUDGE_MEMORY else ()
    wrong = wrong_in(soak.outcome, soak.gauge, list(names))
    for line in wrong:
        print(f"WRONG: {line}", flush=True)
    say("not every promise held" if wrong else "every promise held")
    return 1 if wrong else 0


def read_options() -> Options:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="soak", description="Load and a fault every second.")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--symbols", type=int, default=200, help=f"{len(READ)} or more")
    parser.add_argument("--rate", type=float, default=5000.0, help="updates a second")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    if given.symbols < len(READ):
        parser.error(f"--symbols {given.symbols}: it takes {len(READ)} or more")
    return Options(given.seconds, given.symbols, given.rate, given.seed)


def say(line: str) -> None:
    """A line of what goes on."""
    print(f"[{time.monotonic() - BEGUN:5.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
