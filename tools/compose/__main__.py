"""`make compose-test`: test the compose file with containers and readers that must miss nothing.

`stack` starts the containers under a separate project name. Readers (`lab.sse.client_reader`)
follow every book through Caddy with the Python client and account for each event. `crowd` is
additional load. `run` scales, stops, kills and restarts containers. `report` renders the effects.
The exit code is 0 if every promise held. All containers, networks, volumes and images are removed.
"""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack

from lab.sse.client_reader import ClientReader
from tools.compose.crowd import StreamCrowd
from tools.compose.report import report
from tools.compose.run import ComposeRun
from tools.compose.stack import Stack, StackError
from tools.console import exit_on_signals, options_parser, print_progress, print_verdict

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD")
UPDATES_PER_SECOND = 400
CROWD_STREAMS = 100

DESCRIPTION = (
    "Scale, stop, kill and restart the containers under load, and report the effect on readers."
)


def main() -> int:
    """Run the tool; return the exit code."""
    options_parser("compose", DESCRIPTION).parse_args()
    exit_on_signals()
    # The report contains all interruptions of the readers.
    logging.getLogger("kraken_book.client").setLevel(logging.ERROR)
    stack = Stack(
        KRAKEN_SYMBOLS=",".join(SYMBOLS), SIMULATOR_OPTIONS=f"--rate {UPDATES_PER_SECOND}"
    )
    try:
        with stack:
            return run_all(stack)
    except StackError as error:
        print(error, file=sys.stderr)
        return 2


def run_all(stack: Stack) -> int:
    """Do all steps on the stack; return the exit code."""
    print_progress("building the image and starting the stack with simulated markets")
    stack.up("--build")
    with ExitStack() as reading:
        readers = [reading.enter_context(ClientReader(stack.url, symbol)) for symbol in SYMBOLS]
        crowd = reading.enter_context(StreamCrowd(stack.url, SYMBOLS, CROWD_STREAMS))
        run = ComposeRun(stack, readers, crowd)
        failure = None
        try:
            run.run_steps()
        except AssertionError as error:
            failure = f"{error}\n{stack.logs()}"
        lines = list(report(run))
    broken = [f"{each.title!r}: {line}" for each in run.results for line in each.broken]
    return print_verdict(lines, broken, failure)


if __name__ == "__main__":
    sys.exit(main())
