"""Measure servers in turns under the same load in one run, and compare them by ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import monotonic, sleep

from bench.load.cores import Placement, pin, pinned
from bench.load.market_events import MarketEvents, market_events
from bench.load.publishers import publish_at
from bench.peers.process import NotInstalled
from bench.peers.servers import Server, Start
from bench.report.rows import Goal, Row, median_ratio
from bench.suite import MeasureFailed, Progress, share_of
from lab.sse.timing import Publication, Received
from lab.sse.timing_crowd import TimingCrowd

OURS = "api"
# From the head of a response until the server has registered the reader; no peer reports it.
SETTLE_SECONDS = 0.5
# The time that the last event may take to arrive. The api has longer: its readers must have every
# event, and late ones lower its rate.
GRACE_SECONDS = 3.0
OUR_GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class ReaderLoad:
    """`readers` of one book that has `rate` updates per second, for `seconds`."""

    readers: int
    rate: float
    seconds: float

    def __str__(self) -> str:
        return f"{self.readers:,} readers, {self.rate:,.0f} events/s"

    def scaled(self, scale: float) -> ReaderLoad:
        """Return this load with a share of the readers and of the time."""
        return ReaderLoad(share_of(self.readers, scale), self.rate, max(1.0, self.seconds * scale))


@dataclass(frozen=True)
class TurnResult:
    """The events that the readers of a server received in one turn."""

    readers: int
    complete: int
    """The number of readers that received every event exactly once."""
    published: int
    events: int
    seconds: float
    """The seconds from the first publication to the last receipt."""
    p50: float
    p99: float
    """The seconds from publication to receipt, for every event and reader."""
    cpu: float
    """The CPU seconds of the server."""
    readers_cpu: float
    at_once: float
    """The mean number of events that a reader received together."""

    @property
    def rate(self) -> float:
        """Events per second, summed over all readers."""
        return self.events / self.seconds

    @property
    def cpu_each(self) -> float:
        """The server's CPU for each event and reader, in microseconds."""
        return self.cpu / max(1, self.events) * 1e6


@dataclass(frozen=True)
class AllTurns:
    """The turns of each server, and the reason if a peer has none."""

    load: ReaderLoad
    delivered: Mapping[str, Sequence[TurnResult]]
    missing: Mapping[str, str]

    def median(self, name: str, figure: Callable[[TurnResult], float]) -> float:
        """Return the median of a figure over the turns of a server."""
        return median(map(figure, self.delivered[name]))

    def row(
        self,
        what: str,
        unit: str,
        figure: Callable[[TurnResult], float],
        peer: str,
        goal: Goal | None,
    ) -> Row:
        """Return our figure beside a peer's, or the reason that there is no peer."""
        ours = self.median(OURS, figure)
        if peer in self.missing:
            why = self.missing[peer]
            return Row(what=what, ours=ours, unit=unit, beside=peer, goal=goal, not_measured=why)
        ratio = median_ratio(map(figure, self.delivered[OURS]), map(figure, self.delivered[peer]))
        return Row(
            what=what,
            ours=ours,
            unit=unit,
            beside=peer,
            theirs=self.median(peer, figure),
            ratio=ratio,
            goal=goal,
        )

    def details(self) -> Iterator[Row]:
        """Yield the CPU of each server, and how its events arrived."""
        for name, turns in self.delivered.items():
            seconds, cpu = sum(each.seconds for each in turns), sum(each.cpu for each in turns)
            figures = {
                "readers with every event": (min(turn.complete for turn in turns), ""),
                "CPU for an event to a reader": (self.median(name, _cpu_each), "us"),
                "CPU": (cpu / seconds * 100, "% of a core"),
                "events that arrive together": (self.median(name, _at_once), ""),
                "p99": (self.median(name, _p99) * 1e3, "ms"),
            }
            for what, (figure, unit) in figures.items():
                yield Row(what=f"{name}: {what}", ours=figure, unit=unit, is_detail=True)


def _cpu_each(delivered: TurnResult) -> float:
    return delivered.cpu_each


def _at_once(delivered: TurnResult) -> float:
    return delivered.at_once


def _p99(delivered: TurnResult) -> float:
    return delivered.p99


def take_turns(
    servers: Mapping[str, Start],
    load: ReaderLoad,
    turns: int,
    progress: Progress,
    place: Placement | None = None,
) -> AllTurns:
    """Measure the servers in turns; the api must be one of them.

    Args:
        servers: The servers by name.
        load: The load on each.
        turns: The number of turns of each.
        progress: Called with each step.
        place: The cores of the processes; None to leave that to the system.

    Returns:
        The turns of each server. A reader of the api that misses an event raises MeasureFailed.

    """
    events = market_events(int(load.rate * load.seconds) + 1)
    delivered: dict[str, list[TurnResult]] = {name: [] for name in servers}
    missing: dict[str, str] = {}
    progress.expect(turns * len(servers))
    for turn in range(turns):
        for name, start in servers.items():
            if name in missing:
                continue
            progress(f"{load}: {name}, {turn + 1} of {turns}")
            try:
                with start(events) as server:
                    delivered[name].append(_measured(name, server, events, load, place))
            except NotInstalled as why:
                missing[name] = str(why)
                del delivered[name]
    return AllTurns(load, delivered, missing)


def require_all(received: Received) -> None:
    """Raise MeasureFailed unless each reader received each event exactly once."""
    if received.complete < received.readers:
        missed = received.readers - received.complete
        raise MeasureFailed(f"{missed:,} of {received.readers:,} readers missed an event")


def pin_readers(crowd: TimingCrowd, place: Placement) -> None:
    """Spread the processes of the readers over their cores."""
    for number, pid in enumerate(crowd.pids):
        pin([pid], place.readers[number % len(place.readers)])


def _measured(
    name: str, server: Server, events: MarketEvents, load: ReaderLoad, place: Placement | None
) -> TurnResult:
    with TimingCrowd(server.port, server.path, load.readers) as crowd, ExitStack() as undo:
        if place is not None:
            # This process publishes.
            undo.enter_context(pinned(place.redis))
            pin(server.pids, place.server)
            pin(server.redis_pids, place.redis)
            pin_readers(crowd, place)
        sleep(SETTLE_SECONDS)
        cpu, begun = server.cpu_seconds(), monotonic()
        left = publish_at(server.publisher, events.updates, load.rate, load.seconds)
        first = events.updates[0].seq
        grace = OUR_GRACE_SECONDS if name == OURS else GRACE_SECONDS
        received = crowd.received(Publication(first, left, monotonic() + grace))
        cpu = server.cpu_seconds() - cpu
    if name == OURS:
        require_all(received)
    return TurnResult(
        received.readers,
        received.complete,
        len(left),
        received.events,
        max(received.last_at - begun, 1e-9),
        received.delay(0.5),
        received.delay(0.99),
        cpu,
        received.cpu_seconds,
        received.events / max(1, received.pieces),
    )
