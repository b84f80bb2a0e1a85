"""The collector beside its peer and beside Redis's own limit, in turns, and what the goals say."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.benchmark import Progress, turns_at
from bench.cores import pinned
from bench.flood_process import FloodProcess
from bench.goals import INGEST_BESIDE_CRYPTOFEED, INGEST_OF_LIMIT
from bench.ingest.limit import calls_of, run_limit
from bench.ingest.ours import run_ours
from bench.ingest.peer import NOT_INSTALLED, is_installed, run_peer
from bench.ingest.run import COLLECTOR_CORE, OTHER_CORE, Run
from bench.rows import Row, median_ratio
from lab.processes import Stage

SYMBOLS = (1, 20, 200)
UPDATES = 20_000
# Where the collector's own calls carry less, Redis could do more: its limit is not theirs.
LEAST_EVENTS_A_CALL = 20


class Round(NamedTuple):
    """A run of each, one right after the other; `peer` is None where it is not there."""

    ours: Run
    events_a_call: float
    limit: Run
    peer: Run | None


@dataclass(frozen=True)
class Comparison:
    """All rounds with so many symbols."""

    symbols: int
    updates: int
    frame_bytes: float
    rounds: tuple[Round, ...]

    def rows(self) -> Iterator[Row]:
        """The collector's rate beside the peer's, and beside the limit."""
        what = f"ingest, {self.symbols} symbol{'s' * (self.symbols > 1)}"
        ours = [each.ours.rate for each in self.rounds]
        limit = [each.limit.rate for each in self.rounds]
        peer = [each.peer.rate for each in self.rounds if each.peer]
        yield Row(
            what=what,
            ours=median(ours),
            unit="updates/s",
            beside="cryptofeed",
            theirs=median(peer) if peer else None,
            ratio=median_ratio(ours, peer) if peer else None,
            goal=INGEST_BESIDE_CRYPTOFEED,
            not_measured="" if peer else NOT_INSTALLED,
        )
        yield Row(
            what=what,
            ours=median(ours),
            unit="updates/s",
            beside="Redis's limit",
            theirs=median(limit),
            ratio=median_ratio(ours, limit),
            goal=INGEST_OF_LIMIT,
        )

    def line(self) -> str:
        """The figures for people, without their ratios."""
        ours = _figures([one.ours for one in self.rounds])
        peer = _figures([one.peer for one in self.rounds if one.peer])
        events = median(one.events_a_call for one in self.rounds)
        limit = median(one.limit.rate for one in self.rounds)
        return f"{self.symbols:7} {ours:>13} {events:8.1f} {peer:>15} {limit:10,.0f}"


@dataclass(frozen=True)
class Ingest:
    """All comparisons, one for each number of symbols."""

    comparisons: tuple[Comparison, ...]

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield "symbols          ours   events      cryptofeed   Redis's"
        yield "        /s, us of CPU   a call   /s, us of CPU  limit, /s"
        for each in self.comparisons:
            yield each.line()

    def rows(self) -> Iterator[Row]:
        """What there are goals for."""
        for each in self.comparisons:
            yield from each.rows()


def measure(scale: float, progress: Progress, symbols: Sequence[int] = SYMBOLS) -> Ingest:
    """Measure with each number of symbols, at so much of the load; raises MeasureFailed."""
    with_peer, turns = is_installed(), turns_at(scale)
    progress.expect(len(symbols) * (1 + turns))
    found = []
    for count in symbols:
        progress(f"making updates of {count} symbols")
        with FloodProcess(count, int(UPDATES * scale)) as flood:
            rounds = []
            for turn in range(turns):
                progress(f"{count} symbols, {turn + 1} of {turns}")
                rounds.append(_round(flood, with_peer=with_peer))
            serving = flood.serving
        found.append(Comparison(count, serving.v2.total, serving.frame_bytes, tuple(rounds)))
    return Ingest(tuple(found))


def _round(flood: FloodProcess, *, with_peer: bool) -> Round:
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis(0)
        with pinned(OTHER_CORE):
            ours = run_ours(stage, redis, flood)
        events = max(LEAST_EVENTS_A_CALL, round(ours.events_a_call))
        assert redis.port is not None
        with pinned(COLLECTOR_CORE):
            limit = run_limit(redis.port, calls_of(ours.stored, events))
    peer = _peer(flood) if with_peer else None
    return Round(ours.run, ours.events_a_call, limit, peer)


def _peer(flood: FloodProcess) -> Run:
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis(0)
        with pinned(OTHER_CORE):
            return run_peer(Path(folder), redis, flood)


def _figures(runs: Sequence[Run]) -> str:
    """The median rate and cost of some runs."""
    if not runs:
        return "-"
    return f"{median(run.rate for run in runs):,.0f}, {median(run.cpu_us for run in runs):.0f}"
