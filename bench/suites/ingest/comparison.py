"""Ingest, in updates a second: the collector beside cryptofeed and beside Redis's own limit.

The collector as its users start it, on one core; on the other core Redis, and a feed that sends
updates made beforehand as fast as TCP takes them. Each update's seq must be in its stream
afterwards, and each last book be the feed's. In turns with it: cryptofeed's Kraken feed, checksums
on, into its own Redis stream backend (the first third of the same updates, in its protocol), and
the limit: the same write script of Redis, fed from a bare loop with calls made beforehand, of the
same events, 20 a call or as many as the collector's own. Every figure is the median of its rounds,
and a ratio that of the rounds' ratios.
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
# Where the collector's own calls carry less, Redis could do more: its limit is not theirs.
LEAST_EVENTS_A_CALL = 20


class Round(NamedTuple):
    """A run of each, one right after the other; `peer` is None if it is not installed."""

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
        """Yield the collector's rate beside the peer's, and beside the limit."""
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
            what=f"{what}: CPU an update",
            ours=median(one.ours.cpu_us for one in self.rounds),
            unit="us",
            beside="cryptofeed" if peer else "",
            theirs=median(peer) if peer else None,
            is_detail=True,
        )
        events = median(one.events_a_call for one in self.rounds)
        yield Row(what=f"{what}: events a call of the script", ours=events, is_detail=True)


def measure(scale: float, progress: Progress, symbols: Sequence[int] = SYMBOLS) -> Iterator[Row]:
    """Measure with each number of symbols, one after another, with a share of the updates."""
    return (row for each in compare(scale, progress, symbols) for row in each.rows())


def compare(scale: float, progress: Progress, symbols: Sequence[int] = SYMBOLS) -> list[Comparison]:
    """Compare with each number of symbols; raise MeasureFailed if an update is missing."""
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
