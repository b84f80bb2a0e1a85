"""How soon events come to a few readers of one book, beside nchan.

    python -m bench.at_ease

100 readers, 200 events a second of real size: either server has time for more. In turns; the time
is from the moment at which an event leaves for Redis, or for nchan, until a reader has it. Where a
reader of ours missed an event there is no figure.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from bench import servers
from bench.benchmark import Progress, turns_at
from bench.command import command_line, run
from bench.goals import AT_EASE_BESIDE_NCHAN
from bench.rows import Row
from bench.side_by_side import OURS, Load, Turns, take_turns

LOAD = Load(100, 200.0, 2.0)
STARTS = {OURS: servers.api, "nchan": servers.nchan}


@dataclass(frozen=True)
class AtEase:
    """What the servers brought to their readers."""

    turns: Turns

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        return self.turns.lines()

    def rows(self) -> Iterator[Row]:
        """Both delays, beside nchan's."""
        at_ease, goal = str(self.turns.load), AT_EASE_BESIDE_NCHAN
        yield self.turns.row(f"{at_ease}: p50", "ms", lambda d: d.p50 * 1e3, "nchan", goal)
        yield self.turns.row(f"{at_ease}: p99", "ms", lambda d: d.p99 * 1e3, "nchan", goal)


def measure(scale: float, progress: Progress) -> AtEase:
    """Measure with this share of the readers and of the time."""
    return AtEase(take_turns(STARTS, LOAD.scaled(scale), turns_at(scale), progress))


if __name__ == "__main__":
    sys.exit(run(measure, command_line(__doc__)))
