"""All benchmarks, in one table, and what becomes of their goals.

    python -m bench
    python -m bench --only fan_out --only at_ease
    python -m bench --scale 0.1

It ends with 1 where a benchmark fails, or where a ratio misses its goal; figures with a unit are
held against theirs too, but say much of the machine, and decide nothing. Of a part of the load no
goal counts: that it works does. The figures of a run that has them all are drawn into `docs`.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import msgspec
from rich.console import Console

from bench import bars, figures
from bench.benchmark import Progress
from bench.catalogue import BENCHMARKS, Benchmark
from bench.command import prepare
from bench.machine import machine
from bench.report import Measured, Report
from bench.rows import Row

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> int:
    """Run it as the command line says."""
    options = _parser().parse_args()
    if options.list:
        for each in BENCHMARKS:
            print(f"{each.name:12} {each.what}, {each.seconds:.0f} s")
        return 0
    prepare()
    chosen = [each for each in BENCHMARKS if not options.only or each.name in options.only]
    report = measure_all(chosen, options.scale, Console(stderr=True))
    report.print(Console())
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    is_all = len(chosen) == len(BENCHMARKS) and report.is_complete
    if folder := options.figures or (DOCS if is_all else None):
        print(figures.draw(report, folder))
    return int(not report.is_good)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="All benchmarks.")
    parser.add_argument("--list", action="store_true", help="say which there are")
    parser.add_argument(
        "--only",
        action="append",
        choices=[each.name for each in BENCHMARKS],
        help="this one; more than once for more",
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the load and the time: 0.1 to see it work"
    )
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument(
        "--figures", type=Path, help="a folder for the pictures; docs where nothing is left out"
    )
    return parser


def measure_all(benchmarks: Sequence[Benchmark], scale: float, console: Console) -> Report:
    """Measure with each, one after another; one that fails has a row that says how."""
    with bars.shown(benchmarks, console) as tell:
        measured = [_measured(each, scale, Progress(tell(each))) for each in benchmarks]
    return Report(machine(), scale, measured)


def _measured(benchmark: Benchmark, scale: float, progress: Progress) -> Measured:
    begun = monotonic()
    try:
        rows = list(benchmark.measure(scale, progress).rows())
    except Exception as failed:  # noqa: BLE001 - whatever it is, the others go on
        traceback.print_exc()
        how = " ".join(f"{type(failed).__name__}: {failed}".split())
        rows = [Row(what=benchmark.what, failed=how)]
    return Measured(benchmark.name, monotonic() - begun, rows)


if __name__ == "__main__":
    sys.exit(main())
