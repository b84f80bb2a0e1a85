"""`make upgrade-test`: upgrade from the last release to this source and go back, under readers.

The exit code is 0 if every promise held: each reader and each client of both releases proved every
book, resumed on every replica, and missed no event. 2 if the last release is not in this clone.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from lab.release import NoReleaseError, unpack_last_release
from lab.stage import Stage
from tools.console import exit_on_signals, options_parser, print_progress, print_verdict
from tools.upgrade.account import broken_promises, report
from tools.upgrade.run import SYMBOLS, UpgradeOptions, UpgradeRun

DESCRIPTION = "Upgrade from the last release to this source and go back; nobody may miss an event."


def main() -> int:
    """Run the tool; return the exit code."""
    options = read_options()
    exit_on_signals()
    with tempfile.TemporaryDirectory() as folder:
        try:
            release = unpack_last_release(Path(folder, "release"))
        except NoReleaseError as error:
            print(f"upgrade-test: {error}", file=sys.stderr)
            return 2
        logs = Path(folder, "logs")
        logs.mkdir()
        with Stage(logs) as stage:
            print_progress(f"starting {release.name}, seed {options.seed}")
            run = UpgradeRun(stage, release, options, print_progress)
            failure = None
            try:
                run.run()
            except AssertionError as error:
                failure = error
        return print_verdict(report(run.outcome), broken_promises(run.outcome), failure)


def read_options() -> UpgradeOptions:
    """Return the options of the command line."""
    parser = options_parser("upgrade", DESCRIPTION)
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="upgrades and returns (default: %(default)s)")
    add(
        "--books",
        type=int,
        choices=range(1, len(SYMBOLS) + 1),
        default=len(SYMBOLS),
        help="number of books (default: %(default)s)",
    )
    add("--rate", type=float, default=500.0, help="moves per second (default: %(default)g)")
    add(
        "--events",
        type=int,
        default=500,
        help="events that each client gets between two replacements (default: %(default)s)",
    )
    add("--seed", type=int, default=random.randrange(10**6), help="seed of the readers (random)")
    given = parser.parse_args()
    return UpgradeOptions(
        rounds=given.rounds,
        books=given.books,
        rate=given.rate,
        events=given.events,
        seed=given.seed,
    )


if __name__ == "__main__":
    sys.exit(main())
