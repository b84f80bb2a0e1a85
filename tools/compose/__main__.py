"""`make compose-test`: the real compose file as containers, with readers that must miss nothing.

`stack` starts the containers under a project name of their own. Readers (`lab.sse.client_reader`)
follow every book through Caddy with the Python client and account for each event, `crowd` is the
load beside them, `run` scales, stops, kills and restarts containers, and `report` prints what the
readers saw. The exit code is 0 if every promise held. No container, network, volume or image stays.
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
from tools.console import exit_on_signals, options_parser, say, verdict

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD")
UPDATES_A_SECOND = 400
CROWD_STREAMS = 100

WHAT = "Scale, stop, kill and restart the containers under load, and report what readers see."


def main() -> int:
    """Run it; return the exit code."""
    options_parser("compose", WHAT).parse_args()
    exit_on_signals()
    # The report has what the readers met.
    logging.getLogger("kraken_book.client").setLevel(logging.ERROR)
    stack = Stack(KRAKEN_SYMBOLS=",".join(SYMBOLS), SIMULATOR_OPTIONS=f"--rate {UPDATES_A_SECOND}")
    try:
        with stack:
            return run_all(stack)
    except StackError as error:
        print(error, file=sys.stderr)
        return 2


def run_all(stack: Stack) -> int:
    """Do all steps to the stack; return the exit code."""
    say("building the image and starting the stack, simulated")
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
    wrong = [f"{each.title!r}: {line}" for each in run.results for line in each.wrong]
    return verdict(lines, wrong, failure)


if __name__ == "__main__":
    sys.exit(main())
