"""Events per second that one api process delivers from Redis to its readers, beside peers.

1,000 readers of one book, a little over 1,000 prepared events per second of real size, written as
the collector writes them. The servers are measured in turns under the same load: the api, nchan
(nginx's module, which receives the events over HTTP) and an application of sse-starlette, which
follows the same stream. Each server is one process, the readers are two. The events that a slower
server delivers within 3 s after the last publication count. If a reader of the api misses an event,
there is no figure.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.peers import servers
from bench.peers.side_by_side import OURS, ReaderLoad, take_turns
from bench.report.goals import FAN_OUT_BESIDE, FAN_OUT_P99, FAN_OUT_RATE
from bench.report.rows import Row
from bench.suite import Progress, turns_at

# A turn ends with the last receipt, some tens of milliseconds after the last publication. With
# 1,000 events per second even a server without delay would deliver a little less than a million.
LOAD = ReaderLoad(1000, 1050.0, 2.5)
STARTS = {OURS: servers.api, "nchan": servers.nchan, "sse-starlette": servers.sse_starlette}


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure the rate and the delays beside the peers'."""
    turns = take_turns(STARTS, LOAD.scaled(scale), turns_at(scale), progress)
    fan_out, rate = str(turns.load), turns.median(OURS, lambda d: d.rate)
    yield Row(what=fan_out, ours=rate, unit="events/s", goal=FAN_OUT_RATE)
    for peer, goal in FAN_OUT_BESIDE.items():
        yield turns.row(fan_out, "events/s", lambda d: d.rate, peer, goal)
    yield turns.row(f"{fan_out}: p50", "ms", lambda d: d.p50 * 1e3, "nchan", None)
    yield turns.row(f"{fan_out}: p99", "ms", lambda d: d.p99 * 1e3, "nchan", FAN_OUT_P99)
    yield from turns.details()
