"""The start of each program until `--help` is answered: its imports, mostly.

Tests start hundreds of processes, and a container counts as ready only after this. CPU time is user
and system together. Bytecode exists already, as after any earlier start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from statistics import median
from time import perf_counter

from bench.report.goals import START
from bench.report.rows import Row
from bench.suite import MeasureFailed, Progress
from lab.process import ROOT

PROGRAMS = ("collector", "api", "simulator", "launcher", "kraken_book")
STARTS = 10


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Start all programs in turn; yield each one's CPU time beside a bare interpreter's."""
    rounds = max(2, int(STARTS * scale))
    commands = {name: ("-m", name, "--help") for name in PROGRAMS} | {"": ("-c", "pass")}
    progress.expect(rounds + 1)
    progress("bytecode")
    for arguments in commands.values():
        start(arguments)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for name, arguments in commands.items():
            found[name].append(start(arguments))
    bare = median(cpu for cpu, _ in found[""])
    for name in PROGRAMS:
        cpu = median(cpu for cpu, _ in found[name])
        yield Row(
            what=f"python -m {name} --help, CPU time",
            ours=cpu,
            unit="s",
            beside="python -c pass",
            theirs=bare,
            ratio=cpu / bare,
            goal=START,
        )
        wall = median(wall for _, wall in found[name])
        yield Row(what=f"  {name}, until it has ended", ours=wall, unit="s")


def start(arguments: Sequence[str]) -> tuple[float, float]:
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
