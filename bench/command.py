"""One benchmark as a program: `python -m bench.NAME`, alike for all of them."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from typing import Concatenate

from bench.benchmark import MeasureFailed, Progress, Result
from bench.rows import Verdict
from runtime.http.server import allow_open_files
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs


def command_line(docstring: str | None) -> argparse.ArgumentParser:
    """What all of them take; what else is added is given to `measure` by its name."""
    assert docstring
    parser = argparse.ArgumentParser(description=docstring.partition("\n")[0])
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the load and the time: 0.1 to see it work"
    )
    parser.add_argument(
        "--strict", action="store_true", help="end with 1 where a ratio misses its goal"
    )
    return parser


def run(
    measure: Callable[Concatenate[float, Progress, ...], Result], parser: argparse.ArgumentParser
) -> int:
    """Measure as the command line says, and print; what to exit with.

    It is 1 where there is no figure and, with `--strict`, where a ratio of all the load is missed.
    """
    options = vars(parser.parse_args())
    scale, is_strict = options.pop("scale"), options.pop("strict")
    prepare()
    progress = Progress(lambda what, share: print(f"{share:4.0%} {what}", file=sys.stderr))
    try:
        result = measure(scale, progress, **options)
    except MeasureFailed as failed:
        print(f"WRONG: {failed}")
        return 1
    for line in result.lines():
        print(line)
    if scale < 1:
        return 0
    rows = list(result.rows())
    for row in rows:
        if row.goal and row.value is not None and row.verdict is Verdict.MISSED:
            print(f"missed: {row.what}, {row.goal.shown(row.value)} (goal: {row.goal})")
    return int(is_strict and any(row.is_bad for row in rows))


def prepare() -> None:
    """What a process needs that starts servers and holds thousands of connections.

    Ended by SIGTERM, as by `timeout`, it ends what it has started.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    configure_logs(parse_levels("warning"))
    allow_open_files()
