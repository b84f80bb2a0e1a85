"""Ingest, in updates a second: the collector beside cryptofeed and beside Redis's own limit.

The collector runs on one core as its users start it. Redis and a feed run on the other core; the
feed sends prepared updates as fast as TCP takes them. Afterwards the seq of each update must be in
its stream, and each last book must be the feed's. Two others are measured in turns with it.
cryptofeed's Kraken feed with checksums writes into its own Redis stream backend; it gets the first
third of the same updates in its protocol. The limit is the same write script of Redis with prepared
calls of the same events from a bare loop, with 20 events each or as many as the collector's own
calls had. Every figure is the median of its rounds, and a ratio is the median of the rounds'
ratios.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.load.cores import pinned
from bench.load.flood_process import FloodProcess
from bench.report.goals import INGEST_BESIDE_CRYPTOFEED, INGEST_OF_LIMIT
from bench.report.rows import Row, median_ratio
from bench.suite import Progress, turns_at
from bench.suites.ingest.collector import run_ours
from bench.suites.ingest.limit import calls_of, run_limit
from bench.suites.ingest.peer import NOT_INSTALLED, is_installed, run_peer
from bench.suites.ingest.run import COLLECTOR_CORE, OTHER_CORE, Run
from lab.stage import Stage

SYMBOLS = (1, 20, 200)
UPDATES = 20_000
# If the collector's calls carry fewer events, they do not show Redis's limit.
MIN_EVENTS_A_CALL = 20


class Round(NamedTuple):
    """A run of each, one after the other; `peer` is None if it is not installed."""

    ours: Run
    events_a_call: float
    limit: Run
    peer: Run | None


@dataclass(frozen=True)
class Comparison:
    """All rounds with `symbols` symbols."""

    symbols: int
    updates: int
    frame_bytes: float
    rounds: tuple[Round, ...]

    def rows(self) -> Iterator[Row]:
        """Yield the collector's rate beside the peer's and beside the limit."""
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

        yield from self._details(what)

    def _details(self, what: str) -> Iterator[Row]:
        peer = [one.peer.cpu_us for one in self.rounds if one.peer]
        yield Row(
            what=f"{what}: CPU per update",
            ours=median(one.ours.cpu_us for one in self.rounds),
            unit="us",
            beside="cryptofeed" if peer else "",
            theirs=median(peer) if peer else None,
            is_detail=True,
        )
        events = median(one.events_a_call for one in self.rounds)
        yield Row(what=f"{what}: events per call of the script", ours=events, is_detail=True)


def measure(scale: float, progress: Progress, symbols: Sequence[int] = SYMBOLS) -> Iterator[Row]:
    """Measure each number of symbols."""
    return (row for each in compare(scale, progress, symbols) for row in each.rows())


def compare(
    scale: float,
    progress: Progress,
    symbols: Sequence[int] = SYMBOLS,
    *,
    with_peer: bool | None = None,
) -> list[Comparison]:
    """Compare with each number of symbols; raise MeasureFailed if an update is missing.

    Args:
        scale: The share of the updates.
        progress: Called with each step.
        symbols: The numbers of symbols.
        with_peer: Whether the peer is measured; if None, it is if it is installed.

    Returns:
        The rounds with each number of symbols.

    """
    if with_peer is None:
        with_peer = is_installed()
    turns = turns_at(scale)
    progress.expect(len(symbols) * (1 + turns))
    found = []
    for count in symbols:
        progress(f"preparing updates of {count} symbols")
        with FloodProcess(count, int(UPDATES * scale)) as flood:
            rounds = []
            for turn in range(turns):
                progress(f"{count} symbols, {turn + 1} of {turns}")
                rounds.append(_round(flood, with_peer=with_peer))
            serving = flood.serving
        found.append(Comparison(count, serving.v2.total, serving.frame_bytes, tuple(rounds)))
    return found


def _round(flood: FloodProcess, *, with_peer: bool) -> Round:
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis(0)
        with pinned(OTHER_CORE):
            ours = run_ours(stage, redis, flood)
        events = max(MIN_EVENTS_A_CALL, round(ours.events_a_call))
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
