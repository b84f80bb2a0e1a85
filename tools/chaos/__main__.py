"""`make chaos`: inject every fault of a feed and of the processes while readers check the books.

`system` starts real processes. `faults` lists the faults and their permitted effects. `run` injects
them while readers follow three books with the Python client: the book with the fault, one on the
same connection, and one on another connection. `report` renders their observations. The exit code
is 0 if every promise held. All processes and files are removed at the end.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from lab.sse.client_reader import ClientReader
from lab.stage import Stage
from tools.chaos.faults import steps
from tools.chaos.report import report
from tools.chaos.run import ChaosRun
from tools.chaos.system import BESIDE, ELSEWHERE, HIT, start_system
from tools.console import exit_on_signals, options_parser, print_progress, print_verdict

MAX_LOG_LINES = 15

DESCRIPTION = "Inject every fault, one after another, and report its effect on readers."


def main() -> int:
    """Run the tool; return the exit code."""
    options_parser("chaos", DESCRIPTION).parse_args()
    exit_on_signals()
    # The report contains all interruptions of the readers.
    logging.getLogger("kraken_book.client").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        print_progress("starting Redis, a simulator, a collector and an api")
        return run_all(stage)


def run_all(stage: Stage) -> int:
    """Inject all faults into the processes on `stage`; return the exit code."""
    system = start_system(stage)
    failure = None
    with ExitStack() as reading:
        others = [
            reading.enter_context(ClientReader(system.api.url, symbol))
            for symbol in (BESIDE, ELSEWHERE)
        ]
        run = ChaosRun(system, others)
        try:
            for step, hit in steps(HIT):
                result = run.inject(step, hit)
                print_progress(f"{result.title}: {', '.join(result.statuses) or 'no status'}")
        except AssertionError as error:
            last = "\n".join(system.collector.log.splitlines()[-MAX_LOG_LINES:])
            failure = f"after {len(run.results)} faults: {error}\n{last}"
    broken = [f"{each.title!r}: {line}" for each in run.results for line in each.broken]
    return print_verdict(report(run), broken, failure)


if __name__ == "__main__":
    sys.exit(main())
