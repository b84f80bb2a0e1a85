"""`kraken-book replay`: write a recording into Redis, so that an api serves it like live books."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from types import FrameType

from kraken_book.commands.parser import CommandParser
from kraken_book.commands.progress_line import ProgressLine
from kraken_book.commands.running import exit_code_of, log_to_stderr
from kraken_book.commands.selecting import add_selection, selected
from kraken_book.printable import printable
from kraken_book.recording.replay_target import ReplayStopped, ReplayTarget
from kraken_book.recording.replayer import Replayer, ReplayPlan
from kraken_book.timestamps import rfc3339

NAME = "kraken-book replay"
URL_VARIABLE = "REDIS_URL"
DEFAULT_URL = "redis://localhost:6379"
EXIT_CODES = {
    0: "the recording was replayed, or SIGINT (Ctrl-C) or SIGTERM has stopped it",
    1: "Redis does not answer or cannot be written, or a collector or another replay leads there",
    2: "an argument or a setting is invalid, or there is no recording, or a damaged one",
    130: "interrupted by SIGINT (Ctrl-C) before it began to replay",
}
VARIABLES = {f"{URL_VARIABLE} ({DEFAULT_URL})": "the Redis, if --redis-url is not given"}
MAX_SPEED = 1_000_000.0
MAX_LEAD_IN = 3600.0
# So long after a signal, at most, the program ends its waiting.
SIGNAL_CHECK_INTERVAL = 0.05
PROGRESS_INTERVAL = 0.5

log = logging.getLogger("kraken_book.replay")


def run(arguments: Sequence[str]) -> int:
    """Replay until the end, a signal or an error; return the exit code."""
    given = read_arguments(arguments)
    log_to_stderr(NAME, log)
    try:
        return exit_code_of(NAME, lambda: _replay(given))
    except ReplayStopped as error:
        sys.stderr.write(f"{NAME}: {printable(str(error))}\n")
        return 1


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = CommandParser(
        "replay",
        "Write the events of a recording into Redis, as a collector would. The books have the"
        " source `replay`. A Redis has either a collector or a replay, not both.",
        EXIT_CODES,
        VARIABLES,
    )
    url = os.environ.get(URL_VARIABLE) or DEFAULT_URL
    parser.add_argument("path", type=Path, metavar="DIR", help="the recording, or a file of one")
    parser.add_argument(
        "--redis-url", default=url, metavar="URL", help=f"the Redis ({URL_VARIABLE})"
    )
    add_selection(parser)
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N",
        help="times the recorded pace, or max for as fast as Redis takes the events (1)",
    )
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument(
        "--lead-in",
        type=_lead_in,
        default=2.0,
        metavar="SECONDS",
        help="time between the first snapshots and the first update, in which readers that wait for"
        " the books can open them (2)",
    )
    given: argparse.Namespace = parser.parse_args(arguments)
    return given


class UntilSignal:
    """Waits, but not after SIGINT or SIGTERM, which it handles from now on."""

    def __init__(self) -> None:
        self._is_over = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note_signal)

    @property
    def is_over(self) -> bool:
        """Whether a signal has come."""
        return self._is_over

    def wait(self, seconds: float) -> None:
        """Wait until a signal comes, at most these seconds."""
        until = monotonic() + seconds
        while not self._is_over and (rest := until - monotonic()) > 0:
            # A signal does not interrupt this.
            sleep(min(rest, SIGNAL_CHECK_INTERVAL))

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_over = True


def _replay(given: argparse.Namespace) -> None:
    files, span = selected(given, [given.path])
    plan = ReplayPlan(files, span, given.speed, given.lead_in, given.loop)
    patience = UntilSignal()
    target = ReplayTarget(given.redis_url, patience)
    progress = ReplayProgress()
    with closing(target):
        target.connect()
        replayer = Replayer(plan, target, patience, progress.show)
        log.info("%s: replaying %s books", given.path, replayer.books)
        try:
            replayer.run()
        finally:
            progress.clear()
    log.info("replayed: %s events", replayer.events)


class ReplayProgress:
    """Shows the recorded time and the rate in one line of a terminal."""

    def __init__(self) -> None:
        self._line = ProgressLine(NAME)
        self._events, self._at = 0, monotonic()

    def show(self, replayer: Replayer) -> None:
        """Show the line, unless it was shown just now."""
        now = monotonic()
        if not self._line.is_terminal or now - self._at < PROGRESS_INTERVAL:
            return
        rate = (replayer.events - self._events) / (now - self._at)
        self._events, self._at = replayer.events, now
        time = rfc3339(replayer.at * 1000)[:19].replace("T", " ") if replayer.at else "begins"
        line = f"{time}, {replayer.books} books, {rate:,.0f} events/s, {replayer.events:,} events"
        self._line.show(line if replayer.passes < 2 else f"{line}, pass {replayer.passes}")

    def clear(self) -> None:
        """Remove the line."""
        self._line.clear()


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    speed = _number(text)
    if speed is None or not 0 < speed <= MAX_SPEED:
        raise argparse.ArgumentTypeError(f"{text!r}: use a number above 0, such as 10, or max")
    return speed


def _lead_in(text: str) -> float:
    seconds = _number(text)
    if seconds is None or not 0 <= seconds <= MAX_LEAD_IN:
        raise argparse.ArgumentTypeError(f"{text!r}: use seconds from 0 to {MAX_LEAD_IN:g}")
    return seconds


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
