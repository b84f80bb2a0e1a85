"""How many events a second one api process brings from Redis to its readers, beside its peers.

    python -m bench.fan_out

1,000 readers of one book, 1,000 events a second of real size, made beforehand and written as the
collector writes them. In turns, under the same load: the api, nchan (nginx's module, published to
over HTTP) and an application of sse-starlette (following the same stream). Each has one process,
the readers two of their own. A server that cannot keep up is measured by what came until 5 s after
the last publication. It ends with 1 where a reader of ours missed an event, or where a ratio is
below its goal; figures of time and rate alone decide nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench import servers
from bench.side_by_side import OURS, Load, Progress, Turns, take_turns
from service.http_server import allow_open_files
from service.logs import configure_logs, parse_levels

LOAD = Load(1000, 1000.0, 3.0)
TURNS = 3
STARTS = {OURS: servers.api, "nchan": servers.nchan, "sse-starlette": servers.sse_starlette}
GOAL_RATE = 1_000_000
GOAL_P99 = 0.1
GOAL_TIMES = {"nchan": 5.0, "sse-starlette": 15.0}
"""So many times as much as the peer delivers."""


@dataclass(frozen=True)
class FanOut:
    """What the servers brought to their readers."""

    turns: Turns

    def times(self, peer: str) -> float | None:
        """How many times as much as a peer the api delivered; None where that is not there."""
        return self.turns.ratio(peer, lambda delivered: delivered.rate)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost and no ratio that was measured is below its goal.

        Of a part of the load ratios say nothing: more than it is no server can deliver.
        """
        if self.turns.load.readers < LOAD.readers:
            return self.turns.is_complete
        times = {peer: self.times(peer) for peer in GOAL_TIMES}
        return self.turns.is_complete and all(
            found is None or found >= GOAL_TIMES[peer] for peer, found in times.items()
        )

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield from self.turns.lines()
        rate = self.turns.median(OURS, lambda delivered: delivered.rate)
        p99 = self.turns.median(OURS, lambda delivered: delivered.p99)
        yield f"  {rate:,.0f} events/s, p99 {p99 * 1e3:.0f} ms (goal: {GOAL_RATE:,}, under 100 ms)"
        for peer, goal in GOAL_TIMES.items():
            if (times := self.times(peer)) is not None:
                yield f"  {times:.1f} times {peer} (goal: {goal:.0f})"


def measure(scale: float, progress: Progress) -> FanOut:
    """Measure with this share of the readers and of the time."""
    load = Load(max(1, int(LOAD.readers * scale)), LOAD.rate, max(1.0, LOAD.seconds * scale))
    return FanOut(take_turns(STARTS, load, TURNS if scale >= 1 else 1, progress))


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="Fan-out, beside nchan and sse-starlette.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the readers and of the time")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    allow_open_files()
    found = measure(options.scale, lambda what: print(what, file=sys.stderr, flush=True))
    for line in found.lines():
        print(line)
    return int(not found.is_good)


if __name__ == "__main__":
    sys.exit(main())
