"""`kraken-book record`: record the books of an api into Parquet files that can be proved again."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from kraken_book.client import Watch
from kraken_book.client.address import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE
from kraken_book.client.arguments import ALL
from kraken_book.client.session import StreamStart
from kraken_book.commands.parser import CommandParser
from kraken_book.commands.progress_line import ProgressLine
from kraken_book.commands.reading import READER_VARIABLES
from kraken_book.commands.running import exit_code_of, log_to_stderr
from kraken_book.commands.selecting import parse_symbols
from kraken_book.recording.recorder import Recorder, Recovered
from kraken_book.recording.recording import DAY, Limits, Recording
from kraken_book.selection import Selection
from kraken_book.timestamps import rfc3339

NAME = "kraken-book record"
EXIT_CODES = {
    0: "stopped by SIGINT (Ctrl-C) or SIGTERM; all files are finished",
    1: "nothing answered, or a file cannot be written",
    2: "an argument or a setting is invalid, or the api refuses the request",
    130: "interrupted by SIGINT (Ctrl-C) before it began to record",
}
WAIT_SECONDS = 10
PROGRESS_INTERVAL = 1.0
# Without a terminal, a line of progress is for a log.
LOG_INTERVAL = 60.0

log = logging.getLogger("kraken_book.recording")


def run(arguments: Sequence[str]) -> int:
    """Record until a signal or an error; return the exit code."""
    given = read_arguments(arguments)
    log_to_stderr(NAME, log)
    return exit_code_of(NAME, lambda: asyncio.run(_record(given)))


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = CommandParser(
        "record",
        "Record books, verified event by event, into Parquet files. A recorder that was stopped or"
        " killed continues after the last event in its folder.",
        EXIT_CODES,
        READER_VARIABLES,
    )
    url = os.environ.get(URL_VARIABLE) or DEFAULT_URL
    parser.add_argument("--url", default=url, help=f"the api ({URL_VARIABLE}, else {DEFAULT_URL})")
    parser.add_argument(
        "--symbols",
        type=parse_symbols,
        default=ALL,
        metavar="LIST",
        help="such as BTC/USD,ETH/USD or 'BTC/*' or '*,!USDT/USD' (all)",
    )
    parser.add_argument(
        "--dir", type=Path, default=Path("rec"), metavar="DIR", help="the folder (%(default)s)"
    )
    parser.add_argument(
        "--rotate-seconds",
        type=_whole_number(1, DAY),
        default=3600,
        metavar="N",
        help="time after which files are finished and others begun (%(default)s)",
    )
    parser.add_argument(
        "--rotate-mb",
        type=_whole_number(1, 1_000_000),
        default=1024,
        metavar="N",
        help="size of all unfinished files at which they are finished (%(default)s)",
    )
    parser.add_argument(
        "--wait",
        type=_whole_number(0, DAY),
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help="time without any answer at the start after which it gives up; 0 for never"
        " (%(default)s)",
    )
    given: argparse.Namespace = parser.parse_args(arguments)
    return given


async def _record(given: argparse.Namespace) -> None:
    recorder = Recorder(given.dir)
    try:
        recovered = recorder.recover()
        _log_recovered(recovered, given.dir)
        books = _stream(given, recovered.start)
        limits = Limits(given.rotate_seconds, given.rotate_mb * 1_000_000)
        recording = Recording(recorder, books, limits)
        progress = Progress(recorder, books)
        await _until_signal(recording.run(), progress.run())
    except BaseException:
        # The journal has what was written. The next run finishes the files.
        recorder.abandon()
        raise
    files = len(recovered.lines) + recording.finished_files + len(recorder.close())
    progress.end(f"{recorder.events} events, {files} files in {given.dir}")


def _stream(given: argparse.Namespace, start: StreamStart) -> Watch:
    """Return the stream of the selected books, which continues at `start`."""
    selection: Selection = given.symbols
    # Names beside `*` would be an error of the request.
    names = [ALL] if selection.is_all else [str(selection)]
    return Watch(
        given.url,
        names,
        key=os.environ.get(KEY_VARIABLE, "").strip() or None,
        give_up_after=given.wait or None,
        start=StreamStart(
            start.last_id, [book for book in start.books if selection.selects(book.symbol)]
        ),
        selects=selection.selects if selection.patterns else None,
    )


async def _until_signal(*work: object) -> None:
    """Run coroutines until SIGINT or SIGTERM, or until one of them fails; raise its error."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    tasks = [asyncio.ensure_future(each) for each in (*work, stopped.wait())]  # type: ignore[call-overload]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


class Progress:
    """Shows books, events, size and gaps: in one line of a terminal, or once a minute in a log.

    Args:
        recorder: What is recorded.
        books: The stream.
    """

    def __init__(self, recorder: Recorder, books: Watch) -> None:
        self._recorder = recorder
        self._books = books
        self._progress = ProgressLine(NAME)
        self._events, self._at = recorder.events, monotonic()

    async def run(self) -> None:
        """Show lines until the task is cancelled."""
        while True:
            is_terminal = self._progress.is_terminal
            await asyncio.sleep(PROGRESS_INTERVAL if is_terminal else LOG_INTERVAL)
            if is_terminal:
                self._progress.show(self._line())
            else:
                log.info("recording: %s", self._line())

    def end(self, text: str) -> None:
        """Show the last line."""
        self._progress.clear()
        log.info("recorded: %s", text)

    def _line(self) -> str:
        events, now = self._recorder.events, monotonic()
        rate = (events - self._events) / max(now - self._at, 1e-9)
        self._events, self._at = events, now
        megabytes = self._recorder.written_bytes / 1e6
        line = (
            f"{len(self._books.books)} books, {rate:,.0f} events/s, {events:,} events,"
            f" {megabytes:,.1f} MB, {self._recorder.gaps} gaps"
        )
        return f"{line}; {self._books.outage}" if self._books.outage else line


def _log_recovered(recovered: Recovered, folder: Path) -> None:
    if recovered.last_time is not None:
        log.info("%s: continues after %s", folder, rfc3339(recovered.last_time * 1000))
    if recovered.lines:
        log.info("%s: finished %s files of a run that was killed", folder, len(recovered.lines))


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r}: use a whole number from {least} to {most}")

    return parse
