"""Events per second that one api process delivers from Redis to its readers, beside peers.

1,000 readers of one book, 2,100 prepared events per second of real size, written as the collector
writes them. The servers are measured in turns under the same load: the api, nchan (nginx's module,
which receives the events over HTTP) and an application of sse-starlette, which follows the same
stream. Each server is one process with a core of its own. Redis and this process, which publishes,
share another; the readers, two processes, have the other cores, or share that one if there are only
two. The events that a slower server delivers within 3 s after the last publication count. If a
reader of the api misses an event, there is no figure.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.load.cores import count_cores, placement
from bench.peers import servers
from bench.peers.side_by_side import OURS, AllTurns, ReaderLoad, take_turns
from bench.report.goals import FAN_OUT_BESIDE, FAN_OUT_P99, FAN_OUT_RATE
from bench.report.rows import Row
from bench.suite import Progress, turns_at

# A turn ends with the last receipt, some tens of milliseconds after the last publication. With
# 2,000 events per second even a server without delay would deliver a little less than two million.
LOAD = ReaderLoad(1000, 2100.0, 2.5)
STARTS = {OURS: servers.api, "nchan": servers.nchan, "sse-starlette": servers.sse_starlette}


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure the rate and the delays beside the peers'."""
    cores = count_cores()
    load, turns = LOAD.scaled(scale), turns_at(scale)
    found = take_turns(STARTS, load, turns, progress, placement(cores))
    return rows(found, cores)


def rows(turns: AllTurns, cores: int) -> Iterator[Row]:
    """Yield the rate and the delays; those on shared cores have no goal, because they queue."""
    fan_out, rate = str(turns.load), turns.median(OURS, lambda d: d.rate)
    yield Row(what=fan_out, ours=rate, unit="events/s", goal=FAN_OUT_RATE)
    for peer, goal in FAN_OUT_BESIDE.items():
        yield turns.row(fan_out, "events/s", lambda d: d.rate, peer, goal)
    yield turns.row(f"{fan_out}: p50", "ms", lambda d: d.p50 * 1e3, "nchan", None)
    p99 = turns.row(f"{fan_out}: p99", "ms", lambda d: d.p99 * 1e3, "nchan", FAN_OUT_P99)
    if placement(cores).have_readers_cores:
        yield p99
    else:
        note = f"readers share {cores} cores with Redis; {FAN_OUT_P99} is for cores of their own"
        yield msgspec.structs.replace(p99, goal=None, not_measured="", note=note)
    yield from turns.details()
