"""The start of each program until `--help` is answered: its imports, mostly.

Tests start hundreds of processes, and a container counts as ready only after this. CPU time is user
and system together. Bytecode exists already, as after any earlier start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.report.goals import START
from bench.report.rows import Row
from bench.suite import MeasureFailed, Progress

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("collector", "api", "simulator", "launcher", "kraken_book")
STARTS = 10


@dataclass(frozen=True)
class Start:
    """What the start of one program takes, in seconds."""

    program: str
    cpu: float
    wall: float


@dataclass(frozen=True)
class Starts:
    """The starts of all programs, and that of an interpreter that does nothing."""

    programs: Sequence[Start]
    bare: Start

    def lines(self) -> Iterator[str]:
        """Return the figures for people."""
        for each in (*self.programs, self.bare):
            yield f"  {each.program:24} {each.cpu:6.3f} s of CPU time, {each.wall:6.3f} s"

    def rows(self) -> Iterator[Row]:
        """Return each program's CPU time and wall time, beside the bare interpreter's."""
        for each in self.programs:
            yield Row(
                what=f"python -m {each.program} --help, CPU time",
                ours=each.cpu,
                unit="s",
                beside="python -c pass",
                theirs=self.bare.cpu,
                ratio=each.cpu / self.bare.cpu,
                goal=START,
            )
            yield Row(what=f"  {each.program}, until it has ended", ours=each.wall, unit="s")


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Start all programs in turn, and return the medians."""
    rounds = max(2, int(STARTS * scale))
    commands = {name: ("-m", name, "--help") for name in PROGRAMS} | {"": ("-c", "pass")}
    progress.expect(rounds + 1)
    progress("bytecode")
    for arguments in commands.values():
        _start(arguments)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for name, arguments in commands.items():
            found[name].append(_start(arguments))
    medians = {
        name: Start(name or "python -c pass", *map(median, zip(*times, strict=True)))
        for name, times in found.items()
    }
    bare = medians.pop("")
    return Starts(list(medians.values()), bare).rows()


def _start(arguments: Sequence[str]) -> tuple[float, float]:
    """Run Python; return the seconds of CPU time that it took, and of time."""
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
