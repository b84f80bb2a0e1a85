"""`make record-test`: kill a recorder at random, then account for each event that the api sent.

`run` starts real processes and disturbs them, `witness` reads what the api sends, `files` reads the
book files with pyarrow alone, `audit` compares both, and `report` renders the figures. Then the
files are verified, replayed at ten times their pace, recorded again and compared. The exit code is
0 if every promise held.

    python -m tools.recording --seconds 600 --kills 50
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from lab.stage import Stage
from tools.console import exit_on_signals, options_parser, print_progress, print_verdict
from tools.recording.report import report
from tools.recording.run import RecordingOptions, RecordingRun, broken_promises

DESCRIPTION = "Kill a recorder at random among faults, then account for every event."


def main() -> int:
    """Run the tool; return the exit code."""
    options = read_options()
    exit_on_signals()
    with tempfile.TemporaryDirectory() as name:
        run = RecordingRun(Path(name), options, print_progress)
        try:
            run_all(run, Path(name))
        except AssertionError as error:
            return print_verdict(report(run.outcome), broken_promises(run.outcome), error)
    return print_verdict(report(run.outcome), broken_promises(run.outcome))


def run_all(run: RecordingRun, folder: Path) -> None:
    """Do the whole run; fail with AssertionError if a wait takes too long."""
    print_progress(
        f"recording for {run.outcome.options.seconds:.0f} s, seed {run.outcome.options.seed}"
    )
    for name in ("recording", "replaying"):
        (folder / name).mkdir()
    with Stage(folder / "recording") as stage:
        run.record(stage)
    print_progress("verifying the files")
    run.prove()
    print_progress("replaying the files")
    with Stage(folder / "replaying") as stage:
        run.replay(stage)


def read_options() -> RecordingOptions:
    """Return the options of the command line."""
    parser = options_parser("recording", DESCRIPTION)
    add = parser.add_argument
    add(
        "--seconds",
        type=float,
        default=600.0,
        help="duration of the recording in seconds (default: %(default)g)",
    )
    add("--symbols", type=int, default=6, help="number of symbols (default: %(default)s)")
    add("--rate", type=float, default=300.0, help="moves per second (default: %(default)g)")
    add("--kills", type=int, default=50, help="kills of the recorder (default: %(default)s)")
    add(
        "--seed",
        type=int,
        default=random.randrange(10**6),
        help="seed of the faults: the same seed repeats the faults of a run (default: random)",
    )
    given = parser.parse_args()
    return RecordingOptions(given.seconds, given.symbols, given.rate, given.kills, given.seed)


if __name__ == "__main__":
    sys.exit(main())
