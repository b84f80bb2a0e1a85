"""The price of a tape: a collector in a flood with `COLLECTOR_TAPE` and without, in turns.

The load is that of the suite `ingest`: a feed sends prepared updates as fast as TCP takes them, and
each one must be in Redis. The CPU is that of the whole process, with the thread that compresses.
The thread runs on the collector's core, so the rates show the worst case. Afterwards each update
must be on the tape.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.load.cores import pinned
from bench.load.flood_process import FloodProcess
from bench.report.rows import Row, median_ratio
from bench.suite import MeasureFailed, Progress, share_of, turns_at
from bench.suites.ingest.collector import run_ours
from bench.suites.ingest.comparison import FLOOD_ROUNDS, UPDATES
from bench.suites.ingest.run import OTHER_CORE, Run
from kraken_book.recording.tape_reader import Dropped, Received, read_tape
from lab.stage import Stage

SYMBOLS = (1, 200)


class _Taped(NamedTuple):
    run: Run
    bytes_a_frame: float


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure both numbers of symbols."""
    turns = turns_at(scale)
    progress.expect(len(SYMBOLS) * 2 * turns)
    for count in SYMBOLS:
        with FloodProcess(count, share_of(UPDATES, scale)) as flood:
            off, on = [], []
            for turn in range(turns):
                progress(f"{count} symbols, without a tape, {turn + 1} of {turns}")
                off.append(_run(flood, None).run)
                progress(f"{count} symbols, with a tape, {turn + 1} of {turns}")
                with tempfile.TemporaryDirectory() as folder:
                    on.append(_run(flood, Path(folder)))
        yield from _rows(f"tape, {count} symbol{'s' * (count > 1)}", off, on)


def _rows(what: str, off: list[Run], on: list[_Taped]) -> Iterator[Row]:
    runs = [each.run for each in on]
    for name, unit, ours, theirs in (
        ("CPU", "us/update", [run.cpu_us for run in runs], [run.cpu_us for run in off]),
        ("rate", "updates/s", [run.rate for run in runs], [run.rate for run in off]),
    ):
        yield Row(
            what=f"{what}: {name}",
            ours=median(ours),
            unit=unit,
            beside="without a tape",
            theirs=median(theirs),
            ratio=median_ratio(ours, theirs),
        )
    size = median(each.bytes_a_frame for each in on)
    yield Row(what=f"{what}: on the disk", ours=size, unit="bytes/frame")


def _run(flood: FloodProcess, tape: Path | None) -> _Taped:
    environment = {} if tape is None else {"COLLECTOR_TAPE": str(tape)}
    rounds = FLOOD_ROUNDS["compiled"]
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis(0)
        with pinned(OTHER_CORE):
            run = run_ours(stage, redis, flood, "compiled", rounds, environment=environment).run
    return _Taped(run, 0.0 if tape is None else _bytes_a_frame(tape, run.updates))


def _bytes_a_frame(tape: Path, updates: int) -> float:
    size = frames = 0
    for path in tape.glob("*/*.tape.zst"):
        size += path.stat().st_size
        for line in read_tape(path):
            if isinstance(line, Dropped):
                raise MeasureFailed(f"the tape dropped {line.frames} frames")
            frames += isinstance(line, Received)
    if frames < updates:
        raise MeasureFailed(f"{frames} frames are on the tape, of {updates} updates")
    return size / frames
