"""The start of each program until it has printed `--help`: mostly its imports.

Tests start hundreds of processes, and a container is ready only after its start. CPU time is user
and system time. Bytecode exists already, as after any earlier start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.report.goals import START
from bench.report.rows import Row
from bench.suite import MeasureFailed, Progress

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("collector", "api", "simulator", "launcher", "kraken_book")
STARTS = 10


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Start all programs and an empty Python program in turns; yield the medians."""
    rounds = max(2, int(STARTS * scale))
    commands = {name: ("-m", name, "--help") for name in PROGRAMS} | {"": ("-c", "pass")}
    progress.expect(rounds + 1)
    progress("bytecode")
    for arguments in commands.values():
        _start(arguments)
    starts: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for name, arguments in commands.items():
            starts[name].append(_start(arguments))
    bare, _ = map(median, zip(*starts.pop(""), strict=True))
    for name, times in starts.items():
        cpu, wall = map(median, zip(*times, strict=True))
        yield Row(
            what=f"{name} --help, CPU time",
            ours=cpu,
            unit="s",
            beside="python -c pass",
            theirs=bare,
            ratio=cpu / bare,
            goal=START,
            note=f"{wall:.2f} s until it ended",
        )


def _start(arguments: Sequence[str]) -> tuple[float, float]:
    """Run Python; return its CPU time and its duration in seconds."""
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    begun = perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=variables, stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise MeasureFailed(f"{' '.join(arguments)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, perf_counter() - begun
