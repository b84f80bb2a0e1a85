"""How many events a second one api process brings from Redis to its readers, beside its peers.

    python -m bench.fan_out

1,000 readers of one book, a little over 1,000 events a second of real size, made beforehand and
written as the collector writes them. In turns, under the same load: the api, nchan (nginx's module,
published to over HTTP) and an application of sse-starlette (following the same stream). Each has
one process, the readers two of their own. A server that cannot keep up is measured by what came
until 3 s after the last publication. Where a reader of ours missed an event there is no figure.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench import servers
from bench.benchmark import Progress, turns_at
from bench.command import command_line, run
from bench.goals import FAN_OUT_BESIDE, FAN_OUT_P99, FAN_OUT_RATE
from bench.rows import Row
from bench.side_by_side import OURS, Load, Turns, take_turns

# A turn ends with the last receipt, some tens of milliseconds after the last publication: of 1,000
# events a second even a server without any delay would bring a little less than a million.
LOAD = Load(1000, 1050.0, 2.5)
STARTS = {OURS: servers.api, "nchan": servers.nchan, "sse-starlette": servers.sse_starlette}


@dataclass(frozen=True)
class FanOut:
    """What the servers brought to their readers."""

    turns: Turns

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        return self.turns.lines()

    def rows(self) -> Iterator[Row]:
        """What came to all readers and when, and how many times what peers bring."""
        fan_out, turns = str(self.turns.load), self.turns
        rate = turns.median(OURS, lambda d: d.rate)
        yield Row(what=fan_out, ours=rate, unit="events/s", goal=FAN_OUT_RATE)
        for peer, goal in FAN_OUT_BESIDE.items():
            yield turns.row(fan_out, "events/s", lambda d: d.rate, peer, goal)
        yield turns.row(f"{fan_out}: p50", "ms", lambda d: d.p50 * 1e3, "nchan", None)
        yield turns.row(f"{fan_out}: p99", "ms", lambda d: d.p99 * 1e3, "nchan", FAN_OUT_P99)


def measure(scale: float, progress: Progress) -> FanOut:
    """Measure with this share of the readers and of the time."""
    return FanOut(take_turns(STARTS, LOAD.scaled(scale), turns_at(scale), progress))


if __name__ == "__main__":
    sys.exit(run(measure, command_line(__doc__)))
