"""`make compose-test`: the real compose file as containers, and readers who miss nothing.

In the order that it happens: `stack` starts the containers under a name of their own, the readers
of `lab.readers` follow every book through Caddy with the Python client and account for each
event, `crowd` is the load beside them, `story` does to the stack what happens to one in a year, and
`report` prints what the readers saw.
It ends with 0 where every promise held, and leaves no container, network, volume or image.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from contextlib import ExitStack
from types import FrameType
from typing import NoReturn

from lab.readers.client_reader import ClientReader
from runtime.command_line import refuse_arguments
from tools.compose.crowd import Crowd
from tools.compose.report import report
from tools.compose.stack import Stack, StackError
from tools.compose.story import Story

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD")
UPDATES_A_SECOND = 400
STREAMS_OF_THE_CROWD = 100

BEGUN = time.monotonic()

WHAT = "Runs the compose file under load, and sees that readers miss nothing."


def main() -> int:
    """Tell the story and what was seen; returns what to exit with."""
    refuse_arguments("tools.compose", WHAT)
    signal.signal(signal.SIGTERM, leave)
    # What the readers met is told in the end.
    logging.getLogger("kraken_book.client").setLevel(logging.ERROR)
    stack = Stack(KRAKEN_SYMBOLS=",".join(SYMBOLS), SIMULATOR_OPTIONS=f"--rate {UPDATES_A_SECOND}")
    try:
        with stack:
            return tell(stack)
    except StackError as error:
        print(error, file=sys.stderr)
        return 2


def tell(stack: Stack) -> int:
    """The story in a stack that ends with it."""
    say("building the image and starting the stack, simulated")
    stack.up("--build")
    with ExitStack() as reading:
        readers = [reading.enter_context(ClientReader(stack.url, symbol)) for symbol in SYMBOLS]
        crowd = reading.enter_context(Crowd(stack.url, SYMBOLS, STREAMS_OF_THE_CROWD))
        story = Story(stack, readers, crowd)
        failure = None
        try:
            story.run()
        except AssertionError as error:
            failure = error
        print("\n".join(report(story)), flush=True)
    if failure is not None:
        print(f"{stack.logs()}\nFAILED: {failure}", flush=True)
    good = failure is None and not any(seen.wrong for seen in story.seen)
    say("every promise held" if good else "not every promise held")
    return 0 if good else 1


def say(line: str) -> None:
    """A line of what goes on."""
    print(f"[{time.monotonic() - BEGUN:5.1f} s] {line}", flush=True)


def leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """End, and take the stack away."""
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
