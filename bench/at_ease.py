"""How soon events come to a few readers of one book, beside nchan.

    python -m bench.at_ease

100 readers, 200 events a second of real size: either server has time for more. In turns; the time
is from the moment at which an event leaves for Redis, or for nchan, until a reader has it. It ends
with 1 where a reader of ours missed an event or the api is slower than nchan by more than its goal.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench import servers
from bench.side_by_side import OURS, Load, Progress, Turns, take_turns
from service.logs import configure_logs, parse_levels

LOAD = Load(100, 200.0, 3.0)
TURNS = 3
STARTS = {OURS: servers.api, "nchan": servers.nchan}
GOAL_TIMES = 1.5
"""So many times as slow as nchan, at most."""


@dataclass(frozen=True)
class AtEase:
    """What the servers brought to their readers."""

    turns: Turns

    @property
    def times(self) -> tuple[float, float] | None:
        """How many times nchan's p50 and p99 ours are; None where nchan is not there."""
        p50 = self.turns.ratio("nchan", lambda delivered: delivered.p50)
        p99 = self.turns.ratio("nchan", lambda delivered: delivered.p99)
        return None if p50 is None or p99 is None else (p50, p99)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost and no ratio that was measured is above its goal.

        Of a part of the load ratios decide nothing.
        """
        if self.turns.load.readers < LOAD.readers:
            return self.turns.is_complete
        return self.turns.is_complete and max(self.times or (0.0,)) <= GOAL_TIMES

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield from self.turns.lines()
        if self.times is not None:
            p50, p99 = self.times
            yield f"  p50 {p50:.2f} times nchan's, p99 {p99:.2f} (goal: at most {GOAL_TIMES})"


def measure(scale: float, progress: Progress) -> AtEase:
    """Measure with this share of the readers and of the time."""
    load = Load(max(1, int(LOAD.readers * scale)), LOAD.rate, max(1.0, LOAD.seconds * scale))
    return AtEase(take_turns(STARTS, load, TURNS if scale >= 1 else 1, progress))


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="Fan-out at ease, beside nchan.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the readers and of the time")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    found = measure(options.scale, lambda what: print(what, file=sys.stderr, flush=True))
    for line in found.lines():
        print(line)
    return int(not found.is_good)


if __name__ == "__main__":
    sys.exit(main())
