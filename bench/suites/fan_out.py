"""How many events a second one api process brings from Redis to its readers, beside peers.

1,000 readers of one book, a little over 1,000 events a second of real size, made beforehand and
written as the collector writes them. The servers take turns under the same load: the api, nchan
(nginx's module, published to over HTTP) and an application of sse-starlette (following the same
stream). Each has one process, the readers have two. A server that cannot keep up is measured by
what came until 3 s after the last publication. If a reader of ours misses an event there is no
figure.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.peers import servers
from bench.peers.side_by_side import OURS, ReaderLoad, take_turns
from bench.report.goals import FAN_OUT_BESIDE, FAN_OUT_P99, FAN_OUT_RATE
from bench.report.rows import Row
from bench.suite import Progress, turns_at

# A turn ends with the last receipt, some tens of milliseconds after the last publication: of 1,000
# events a second even a server without any delay would bring a little less than a million.
LOAD = ReaderLoad(1000, 1050.0, 2.5)
STARTS = {OURS: servers.api, "nchan": servers.nchan, "sse-starlette": servers.sse_starlette}


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure what reaches all readers, beside the peers, with a share of the readers and time."""
    turns = take_turns(STARTS, LOAD.scaled(scale), turns_at(scale), progress)
    fan_out, rate = str(turns.load), turns.median(OURS, lambda d: d.rate)
    yield Row(what=fan_out, ours=rate, unit="events/s", goal=FAN_OUT_RATE)
    for peer, goal in FAN_OUT_BESIDE.items():
        yield turns.row(fan_out, "events/s", lambda d: d.rate, peer, goal)
    yield turns.row(f"{fan_out}: p50", "ms", lambda d: d.p50 * 1e3, "nchan", None)
    yield turns.row(f"{fan_out}: p99", "ms", lambda d: d.p99 * 1e3, "nchan", FAN_OUT_P99)
    yield from turns.details()
