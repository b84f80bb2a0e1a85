"""The collector beside its peer and beside Redis's own limit, in turns, and what the goals say."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.cores import pinned
from bench.flood_process import FloodProcess
from bench.ingest.limit import calls_of, run_limit
from bench.ingest.ours import run_ours
from bench.ingest.peer import is_installed, run_peer
from bench.ingest.run import COLLECTOR_CORE, OTHER_CORE, Run
from tests.e2e.processes import Stage

PEER_GOAL = 5.0
LIMIT_GOAL = 1 / 3

SYMBOLS = (1, 20, 200)
UPDATES = 90_000
TIMES = 3
# Where the collector's own calls carry less, Redis could do more: its limit is not theirs.
LEAST_EVENTS_A_CALL = 20

Progress = Callable[[str, float], None]
"""Is told what comes next, and which share of the whole is done."""


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

    @property
    def times_peer(self) -> float | None:
        """How many times the peer's rate ours is; None without a peer."""
        ratios = [each.ours.rate / each.peer.rate for each in self.rounds if each.peer]
        return median(ratios) if ratios else None

    @property
    def share_of_limit(self) -> float:
        """Which share of Redis's limit ours is."""
        return median(each.ours.rate / each.limit.rate for each in self.rounds)

    @property
    def missed(self) -> Iterator[str]:
        """The goals that are not reached."""
        if self.times_peer is not None and self.times_peer < PEER_GOAL:
            times = f"{self.times_peer:.1f} times cryptofeed, not {PEER_GOAL:g}"
            yield f"{self.symbols} symbols: {times}"
        if self.share_of_limit < LIMIT_GOAL:
            yield f"{self.symbols} symbols: {self.share_of_limit:.0%} of Redis's limit, not a third"


def measure(
    scale: float = 1.0,
    progress: Progress = lambda _what, _share: None,
    symbols: Sequence[int] = SYMBOLS,
    times: int = TIMES,
) -> list[Comparison]:
    """Measure with each number of symbols, at so much of the load; raises MeasureFailed."""
    with_peer = is_installed()
    found = []
    for number, count in enumerate(symbols):
        progress(f"ingest: making updates of {count} symbols", number / len(symbols))
        with FloodProcess(count, int(UPDATES * scale)) as flood:
            rounds = []
            for turn in range(times):
                done = (number + (turn + 1) / (times + 1)) / len(symbols)
                progress(f"ingest: {count} symbols, round {turn + 1} of {times}", done)
                rounds.append(_round(flood, with_peer=with_peer))
            serving = flood.serving
        found.append(Comparison(count, serving.v2.total, serving.frame_bytes, tuple(rounds)))
    progress("ingest: done", 1.0)
    return found


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


def table(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """The figures for people."""
    yield "symbols          ours   events      cryptofeed   Redis's      times     share"
    yield "        /s, us of CPU   a call   /s, us of CPU  limit, /s cryptofeed of limit"
    for each in comparisons:
        times = each.times_peer
        ours = _figures([one.ours for one in each.rounds])
        peer = _figures([one.peer for one in each.rounds if one.peer])
        events = median(one.events_a_call for one in each.rounds)
        limit = median(one.limit.rate for one in each.rounds)
        yield (
            f"{each.symbols:7} {ours:>13} {events:8.1f} {peer:>15} {limit:10,.0f}"
            f" {'-' if times is None else f'{times:.1f}':>10} {each.share_of_limit:8.0%}"
        )
    yield f"{'goal':7} {'':49} {PEER_GOAL:10.1f} {LIMIT_GOAL:8.0%}"


def _figures(runs: Sequence[Run]) -> str:
    """The median rate and cost of some runs."""
    if not runs:
        return "-"
    return f"{median(run.rate for run in runs):,.0f}, {median(run.cpu_us for run in runs):.0f}"
