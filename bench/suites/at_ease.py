"""How soon events reach a few readers of one book, beside nchan.

100 readers, 200 events a second of real size: both servers have time for more. They take turns. The
time is from the moment at which an event leaves for Redis, or for nchan, until a reader has it. If
a reader of ours misses an event there is no figure.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.peers import servers
from bench.peers.side_by_side import OURS, ReaderLoad, take_turns
from bench.report.goals import AT_EASE_BESIDE_NCHAN
from bench.report.rows import Row
from bench.suite import Progress, turns_at

LOAD = ReaderLoad(100, 200.0, 2.0)
STARTS = {OURS: servers.api, "nchan": servers.nchan}


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure both delays beside nchan's, with a share of the readers and of the time."""
    turns = take_turns(STARTS, LOAD.scaled(scale), turns_at(scale), progress)
    at_ease, goal = str(turns.load), AT_EASE_BESIDE_NCHAN
    yield turns.row(f"{at_ease}: p50", "ms", lambda d: d.p50 * 1e3, "nchan", goal)
    yield turns.row(f"{at_ease}: p99", "ms", lambda d: d.p99 * 1e3, "nchan", goal)
    yield from turns.details()
