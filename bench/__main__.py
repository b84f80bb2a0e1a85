"""Run the benchmarks, and compare their figures with the goals.

    python -m bench                             the default suites
    python -m bench --only fan_out --only core  these suites, with all details
    python -m bench --scale 0.1                 a tenth of the load, to check that they work
    python -m bench --list                      all suites

Figures with a unit depend on the machine: they are compared with their goals too, but do not change
the exit code. With a scale below 1 no goal counts. A complete run of the default suites draws its
pictures into `docs`.
"""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

import msgspec
from rich.console import Console

from bench.catalogue import SUITES
from bench.report import figures
from bench.report.machine import machine
from bench.report.progress import show_progress
from bench.report.rows import Row
from bench.report.table import Measured, Report
from bench.suite import Progress, Suite
from runtime.command_line import ExitCodes, OneLineParser
from runtime.http.server import allow_open_files
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs

DOCS = Path(__file__).resolve().parents[1] / "docs"

EXIT_CODES: ExitCodes = {
    0: "every suite has run, and each ratio meets its goal",
    1: "a suite failed, or a ratio misses its goal",
    2: "an argument is invalid",
    143: "ended by SIGTERM",
}

Draw = Callable[[Report, Path], str]
"""Draws the pictures of a report into a folder; returns a line about them."""


def main(
    arguments: Sequence[str] | None = None,
    suites: Sequence[Suite] = SUITES,
    docs: Path = DOCS,
    draw: Draw = figures.draw,
) -> int:
    """Run the suites that the command line chooses.

    Args:
        arguments: The command line; that of the process if None.
        suites: All suites.
        docs: The folder for the pictures of a complete run.
        draw: Draws the pictures.

    Returns:
        The exit code.

    """
    options = _parser(suites).parse_args(arguments)
    if options.list:
        for each in suites:
            how = "" if each.is_default else " (only with --only)"
            print(f"{each.name:17} {each.what}, {each.seconds:.0f} s{how}")
        return 0
    if options.draw:
        report = msgspec.json.decode(options.draw.read_bytes(), type=Report)
        print(draw(report, options.figures or docs))
        return 0
    prepare()
    default = [each for each in suites if each.is_default]
    chosen = [each for each in suites if each.name in options.only] if options.only else default
    report = measure_all(chosen, options.scale, Console(stderr=True))
    report.print(Console(), details=bool(options.only))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    is_all = chosen == default and report.is_complete
    if folder := options.figures or (docs if is_all else None):
        print(draw(report, folder))
    return int(not report.is_good)


def _parser(suites: Sequence[Suite]) -> OneLineParser:
    assert __doc__
    parser = OneLineParser("python -m bench", __doc__, EXIT_CODES)
    parser.add_argument("--list", action="store_true", help="list all suites")
    parser.add_argument(
        "--only",
        action="append",
        metavar="SUITE",
        choices=[each.name for each in suites],
        help="run this suite and print its details; may be repeated",
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the load and the time (1)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument(
        "--figures",
        type=Path,
        metavar="DIR",
        help="draw the pictures into this folder, not into docs",
    )
    parser.add_argument(
        "--draw",
        type=Path,
        metavar="FILE",
        help="draw the figures of this file, and measure nothing",
    )
    return parser


def prepare() -> None:
    """Prepare this process to start servers and to hold thousands of connections.

    At SIGTERM, which `timeout` sends, it ends the processes that it has started.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    configure_logs(parse_levels("warning"))
    allow_open_files()


def measure_all(suites: Sequence[Suite], scale: float, console: Console) -> Report:
    """Run the suites one after another; a suite that fails has one row with its error."""
    with show_progress(suites, console) as show:
        measured = [_measured(each, scale, Progress(show(each))) for each in suites]
    return Report(machine(), scale, measured)


def _measured(suite: Suite, scale: float, progress: Progress) -> Measured:
    begun = monotonic()
    try:
        rows = list(suite.measure(scale, progress))
    except Exception as failed:  # noqa: BLE001 - a failed suite must not stop the others
        traceback.print_exc()
        how = " ".join(f"{type(failed).__name__}: {failed}".split())
        rows = [Row(what=suite.what, failed=how)]
    return Measured(suite.name, monotonic() - begun, rows)


if __name__ == "__main__":
    sys.exit(main())
