"""Ingest, in updates a second: the collector beside cryptofeed and beside Redis's own limit.

The collector runs on one core as its users start it. Redis and a feed run on the other core; the
feed sends prepared updates as fast as TCP takes them. Afterwards the seq of each update must be in
its stream, and each last book must be the feed's. The goals are those of the compiled path. If the
compiled module is installed, one turn measures the pure path too, and its rows are details;
otherwise the rows of the compiled path say that it is not installed.

Others are measured in turns with it. cryptofeed's Kraken feed with checksums writes into its own
Redis stream backend, in two versions; the better one counts. The limit is the same write script of
Redis with prepared calls of the same events from a bare loop, with 20 events each or as many as the
collector's own calls had. Every figure is the median of its rounds, and a ratio is the median of
the rounds' ratios.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.load.cores import pinned
from bench.load.flood_process import FloodProcess
from bench.report.goals import INGEST_BESIDE_CRYPTOFEED, INGEST_CPU, INGEST_OF_LIMIT
from bench.report.rows import Goal, Row, median_ratio
from bench.suite import Progress, share_of, turns_at
from bench.suites.ingest.collector import FramePath, Ours, paths, run_ours
from bench.suites.ingest.limit import calls_of, run_limit
from bench.suites.ingest.peer import PEERS, Peer, PeerRun, run_peer
from bench.suites.ingest.run import COLLECTOR_CORE, OTHER_CORE, Run
from lab.stage import Stage
from launcher.embedded_redis import EmbeddedRedis

SYMBOLS = (1, 20, 200)
UPDATES = 40_000
"""The updates of one round of the flood, which takes 2 s to prepare."""
FLOOD_ROUNDS: Mapping[FramePath, int] = {"compiled": 10, "pure": 3}
"""The rounds of a run: it takes two seconds or more, so that a flush's wait of 0.5 s is little."""
LIMIT_EVENTS = 100_000
# If the collector's calls carry fewer events, they do not show Redis's limit.
MIN_EVENTS_A_CALL = 20
NO_COMPILED = "the compiled module is not installed"


class PathRun(NamedTuple):
    """A run of one path of the collector."""

    run: Run
    events_a_call: float


class Round(NamedTuple):
    """A run of the used path, of the limit and of each peer, and in the first of the other path."""

    ours: Mapping[FramePath, PathRun]
    limit: Run
    peers: Mapping[str, PeerRun]


@dataclass(frozen=True)
class Comparison:
    """All rounds with `symbols` symbols."""

    symbols: int
    rounds: tuple[Round, ...]

    def rows(self) -> Iterator[Row]:
        """Yield the rows of each path, the one that the collector uses first, and of the peers."""
        used, *others = self.rounds[0].ours
        if used != "compiled":
            goal, why = self._goal(INGEST_BESIDE_CRYPTOFEED, "compiled"), NO_COMPILED
            yield Row(what=self._name("compiled"), goal=goal, not_measured=why)
        yield from self._path_rows(used, is_detail=False)
        for path in others:
            yield from self._path_rows(path, is_detail=True)
        for peer in self._measured_peers:
            yield from self._peer_rows(peer)

    @property
    def _measured_peers(self) -> list[str]:
        return list(self.rounds[0].peers)

    def _rounds_of(self, path: FramePath) -> list[Round]:
        return [each for each in self.rounds if path in each.ours]

    def _name(self, path: FramePath) -> str:
        return f"ingest, {self.symbols} symbol{'s' * (self.symbols > 1)}, {path}"

    def _goal(self, goals: Mapping[int, Goal], path: FramePath) -> Goal | None:
        return goals.get(self.symbols) if path == "compiled" else None

    def _path_rows(self, path: FramePath, *, is_detail: bool) -> Iterator[Row]:
        what = self._name(path)
        rounds = self._rounds_of(path)
        runs = [each.ours[path].run for each in rounds]
        rates, limits = [each.rate for each in runs], [each.limit.rate for each in rounds]
        yield self._beside_peers(path, rates, is_detail=is_detail)
        yield Row(
            what=what,
            ours=median(rates),
            unit="updates/s",
            beside="Redis's limit",
            theirs=median(limits),
            ratio=median_ratio(rates, limits),
            goal=self._goal(INGEST_OF_LIMIT, path),
            is_detail=is_detail,
        )
        yield Row(
            what=f"{what}: CPU per update",
            ours=median(each.cpu_us for each in runs),
            unit="us",
            goal=self._goal(INGEST_CPU, path),
            is_detail=is_detail,
        )
        events = median(each.ours[path].events_a_call for each in rounds)
        yield Row(what=f"{what}: events per call of the script", ours=events, is_detail=True)
        seconds = median(each.seconds for each in runs)
        yield Row(what=f"{what}: a run", ours=seconds, unit="s", is_detail=True)

    def _beside_peers(self, path: FramePath, rates: Sequence[float], *, is_detail: bool) -> Row:
        """Return the row beside the better of the peers."""
        theirs = {
            name: [each.peers[name].run.rate for each in self._rounds_of(path)]
            for name in self._measured_peers
        }
        missing = [peer.name for peer in PEERS if peer.name not in theirs]
        better = max(theirs, key=lambda name: median(theirs[name]), default="cryptofeed")
        return Row(
            what=self._name(path),
            ours=median(rates),
            unit="updates/s",
            beside=better,
            theirs=median(theirs[better]) if theirs else None,
            ratio=median_ratio(rates, theirs[better]) if theirs else None,
            goal=self._goal(INGEST_BESIDE_CRYPTOFEED, path),
            not_measured="" if theirs else f"{' and '.join(missing)}: make peers",
            note=f"without {missing[0]}: make peers" if missing else "",
            is_detail=is_detail,
        )

    def _peer_rows(self, name: str) -> Iterator[Row]:
        runs = [each.peers[name] for each in self.rounds]
        what = f"{self.symbols} symbol{'s' * (self.symbols > 1)}, {name}"
        figures = {
            "updates in Redis": (median(each.run.rate for each in runs), "updates/s"),
            "CPU per update in Redis": (median(each.run.cpu_us for each in runs), "us"),
            "dropped before Redis": (median(each.dropped for each in runs) * 100, "%"),
        }
        for each, (figure, unit) in figures.items():
            yield Row(what=f"{what}: {each}", ours=figure, unit=unit, is_detail=True)


def measure(scale: float, progress: Progress, symbols: Sequence[int] = SYMBOLS) -> Iterator[Row]:
    """Measure each number of symbols."""
    return (row for each in compare(scale, progress, symbols) for row in each.rows())


def compare(
    scale: float,
    progress: Progress,
    symbols: Sequence[int] = SYMBOLS,
    peers: Sequence[Peer] | None = None,
) -> list[Comparison]:
    """Compare with each number of symbols; raise MeasureFailed if an update is missing.

    Args:
        scale: The share of the updates.
        progress: Called with each step.
        symbols: The numbers of symbols.
        peers: The peers to measure; if None, those that are installed.

    Returns:
        The rounds with each number of symbols.

    """
    if peers is None:
        peers = [peer for peer in PEERS if peer.is_installed]
    turns = turns_at(scale)
    progress.expect(len(symbols) * (1 + turns))
    found = []
    for count in symbols:
        progress(f"preparing updates of {count} symbols")
        with FloodProcess(count, share_of(UPDATES, scale)) as flood:
            rounds = []
            for turn in range(turns):
                progress(f"{count} symbols, {turn + 1} of {turns}")
                # The other path is a detail: one turn of it is enough.
                rounds.append(_round(flood, peers, paths() if turn == 0 else paths()[:1]))
        found.append(Comparison(count, tuple(rounds)))
    return found


def _round(flood: FloodProcess, peers: Sequence[Peer], measured: Sequence[FramePath]) -> Round:
    ours: dict[FramePath, PathRun] = {}
    limit: Run | None = None
    for path in measured:
        with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
            redis = stage.redis(0)
            with pinned(OTHER_CORE):
                found = run_ours(stage, redis, flood, path, FLOOD_ROUNDS[path], LIMIT_EVENTS)
            ours[path] = PathRun(found.run, found.events_a_call)
            if limit is None:
                limit = _limit(redis, found)
    assert limit is not None
    return Round(ours, limit, {peer.name: _peer(peer, flood) for peer in peers})


def _limit(redis: EmbeddedRedis, ours: Ours) -> Run:
    calls = calls_of(ours.stored, max(MIN_EVENTS_A_CALL, round(ours.events_a_call)))
    assert redis.port is not None
    with pinned(COLLECTOR_CORE):
        return run_limit(redis.port, calls)


def _peer(peer: Peer, flood: FloodProcess) -> PeerRun:
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder)) as stage,
        pinned(OTHER_CORE),
    ):
        return run_peer(peer, Path(folder), stage.redis(0), flood)
