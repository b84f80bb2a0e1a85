"""`make chaos`: every fault of a feed, and the end of every process, before the eyes of readers.

In the order that it happens: `scene` starts real processes, `steps` are the faults and what each
may do to readers, `story` does them while readers follow three books with the Python client, and
`report` prints what they saw: one reader's book is hit, one is on the same connection, one on
another. It ends with 0 where every promise held, and leaves nothing behind.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from lab.processes import Stage
from lab.readers.client_reader import ClientReader
from lab.readers.leave import leave_on_signals
from runtime.command_line import refuse_arguments
from tools.chaos.report import report
from tools.chaos.scene import BESIDE, ELSEWHERE, HIT, open_scene
from tools.chaos.steps import steps
from tools.chaos.story import Story

BEGUN = time.monotonic()
LAST_LINES = 15

WHAT = "Lets every fault happen, and tells what readers see."


def main() -> int:
    """Tell the story and what was seen; returns what to exit with."""
    refuse_arguments("tools.chaos", WHAT)
    leave_on_signals()
    # What the readers met is told in the end.
    logging.getLogger("kraken_book.client").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        say("starting a Redis, a simulator, a collector and an api")
        return tell(stage)


def tell(stage: Stage) -> int:
    """The story on a stage that ends with it."""
    scene = open_scene(stage)
    failure = None
    with ExitStack() as reading:
        others = [
            reading.enter_context(ClientReader(scene.api.url, symbol))
            for symbol in (BESIDE, ELSEWHERE)
        ]
        story = Story(scene, others)
        try:
            for step, hit in steps(HIT):
                seen = story.tell(step, hit)
                say(f"{seen.title}: {', '.join(seen.told) or 'nothing told'}")
        except AssertionError as error:
            failure = error
    print()
    print("\n".join(report(story)), flush=True)
    if failure is not None:
        last = "\n".join(scene.collector.log.splitlines()[-LAST_LINES:])
        print(f"{last}\nFAILED after {len(story.seen)} faults: {failure}", flush=True)
    good = failure is None and not any(seen.wrong for seen in story.seen)
    say("every promise held" if good else "not every promise held")
    return 0 if good else 1


def say(line: str) -> None:
    """A line of what goes on."""
    print(f"[{time.monotonic() - BEGUN:5.1f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
