"""The delay of events to a few readers of one book, beside nchan.

100 readers, 200 events per second of real size, which both servers handle with ease, in turns. The
delay is measured from the sending of an event to Redis or nchan until a reader has it. If a reader
of the api misses an event, there is no figure.
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
    """Measure the api's delays beside nchan's."""
    turns = take_turns(STARTS, LOAD.scaled(scale), turns_at(scale), progress)
    at_ease, goal = str(turns.load), AT_EASE_BESIDE_NCHAN
    yield turns.row(f"{at_ease}: p50", "ms", lambda d: d.p50 * 1e3, "nchan", goal)
    yield turns.row(f"{at_ease}: p99", "ms", lambda d: d.p99 * 1e3, "nchan", goal)
    yield from turns.details()
