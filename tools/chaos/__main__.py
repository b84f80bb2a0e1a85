"""`make chaos`: inject every fault of a feed and end every process while readers check the books.

`system` starts real processes, `faults` lists the faults and their permitted effects, `run` injects
them while readers follow three books with the Python client, and `report` prints what they saw: one
reader's book is hit, one is on the same connection, one on another. The exit code is 0 if every
promise held. Nothing is left behind.
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
from tools.console import exit_on_signals, options_parser, say, verdict

LAST_LINES = 15

WHAT = "Inject every fault, one after another, and report what readers see."


def main() -> int:
    """Run it; return the exit code."""
    options_parser("chaos", WHAT).parse_args()
    exit_on_signals()
    # The report has what the readers met.
    logging.getLogger("kraken_book.client").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        say("starting a Redis, a simulator, a collector and an api")
        return run_all(stage)


def run_all(stage: Stage) -> int:
    """Inject all faults into processes on `stage`; return the exit code."""
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
                say(f"{result.title}: {', '.join(result.told) or 'nothing told'}")
        except AssertionError as error:
            last = "\n".join(system.collector.log.splitlines()[-LAST_LINES:])
            failure = f"after {len(run.results)} faults: {error}\n{last}"
    wrong = [f"{each.title!r}: {line}" for each in run.results for line in each.wrong]
    return verdict(report(run), wrong, failure)


if __name__ == "__main__":
    sys.exit(main())
