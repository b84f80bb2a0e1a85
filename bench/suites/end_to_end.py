"""From a frame that leaves the feed to its event at a reader, beside the shortest possible path.

100 readers of one book, 1,000 updates per second. Our services: the feed in this process, a
collector, a Redis, an api. The bare path: the same events by XADD, and `bench.peers.bare_path`,
which only reads them with XREAD and writes them to sockets. They are measured in turns. If a reader
of the api misses an event, there is no figure.

By default the system places the processes. `measure_pinned` pins them to cores, the same on both
paths: what serves the readers alone, then Redis with the feed, then the readers. On two cores the
collector runs beside the api, and the readers beside Redis.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from bench.load.cores import Placement, count_cores, pin, pinned, placement
from bench.load.market_events import SYMBOL, market_events
from bench.load.publishers import publish_at
from bench.load.tape import Rate, Tape
from bench.peers.bare_path import BarePublisher
from bench.peers.process import PeerProcess
from bench.peers.side_by_side import (
    GRACE_SECONDS,
    SETTLE_SECONDS,
    ReaderLoad,
    pin_readers,
    require_all,
)
from bench.report.goals import END_TO_END_BESIDE_BARE_PATH
from bench.report.rows import Row, median_ratio
from bench.suite import Progress, turns_at
from lab.ports import free_port
from lab.process import ROOT
from lab.sse.timing import Publication, Received
from lab.sse.timing_crowd import TimingCrowd
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis
from simulator.market.subscriber import FeedSubscriber
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.server import Simulator

LOAD = ReaderLoad(100, 1000.0, 2.0)
SHARES = {"p50": 0.5, "p99": 0.99}


@dataclass(frozen=True)
class EndToEnd:
    """The events that readers received from our services and from the bare path in each turn."""

    load: ReaderLoad
    ours: Sequence[Received]
    bare: Sequence[Received]

    def rows(self) -> Iterator[Row]:
        """Yield our delays beside the bare path's."""
        for name, share in SHARES.items():
            ours = [turn.delay(share) * 1e3 for turn in self.ours]
            bare = [turn.delay(share) * 1e3 for turn in self.bare]
            yield Row(
                what=f"frame to {self.load}: {name}",
                ours=median(ours),
                unit="ms",
                beside="bare path",
                theirs=median(bare),
                ratio=median_ratio(ours, bare),
                goal=END_TO_END_BESIDE_BARE_PATH[name],
            )


class NotedTape(Tape):
    """A tape that records the time at which each frame leaves, by time.monotonic."""

    def __init__(self, load: ReaderLoad) -> None:
        super().__init__([SYMBOL], [Rate(load.rate, load.seconds)])
        self.left: array[float] = array("d")

    def is_played(self) -> bool:
        """Whether the last frame has left."""
        return len(self.left) == len(self.updates)

    def subscribe(
        self, symbol: str, depth: int, subscriber: FeedSubscriber, snapshot: bool
    ) -> None:
        """Send the snapshot, and record the updates that are played from now on."""
        super().subscribe(symbol, depth, subscriber, snapshot)
        # The snapshot has been sent, so all following frames are updates.
        self._subscribers[symbol] = _Noting(subscriber, self.left)


@dataclass(frozen=True)
class _Noting(FeedSubscriber):
    subscriber: FeedSubscriber
    left: array[float] = field(repr=False)

    def push(self, packed: bytes) -> None:
        self.left.append(monotonic())
        self.subscriber.push(packed)

    async def drained(self) -> None:
        await self.subscriber.drained()


async def through_services(load: ReaderLoad, place: Placement | None = None) -> Received:
    """Return the events that readers receive through a collector and an api."""
    tape = NotedTape(load)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        async with Simulator(SimulatedKraken(tape)) as simulator:
            collector = await asyncio.to_thread(
                stage.collector, redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL
            )
            await asyncio.to_thread(collector.wait_until_live, 1)
            api = await asyncio.to_thread(stage.api, redis.url, LOG_LEVEL="error")
            await asyncio.to_thread(api.wait_until_live, SYMBOL)
            with TimingCrowd(
                api.port, f"/stream/{SYMBOL.replace('/', '-')}", load.readers
            ) as crowd:
                if place is not None:
                    own = place.have_readers_cores
                    pin([api.process.pid], place.server)
                    pin([collector.process.pid], place.redis if own else place.server)
                    pin([redis.process.pid, os.getpid()], place.redis)
                    pin_readers(crowd, place)
                with closing(StoredBooks(redis.url)) as streams:
                    first = streams.last_seq(SYMBOL) + 1
                tape.start(SETTLE_SECONDS)
                await asyncio.to_thread(wait_until, tape.is_played, "the tape has been played")
                publication = Publication(first, tape.left, monotonic() + GRACE_SECONDS)
                return await asyncio.to_thread(crowd.received, publication)


def through_bare_path(load: ReaderLoad, place: Placement | None = None) -> Received:
    """Return the events that readers receive through XADD, XREAD and writes to sockets."""
    events = market_events(int(load.rate * load.seconds)).updates
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis() as redis:
        port = free_port()
        command = [sys.executable, "-m", "bench.peers.bare_path", str(port), str(redis.socket_path)]
        environment = {"PYTHONPATH": str(ROOT)}
        with (
            PeerProcess(command, port, Path(folder) / "bare.log", environment) as server,
            closing(BarePublisher(redis.socket_path)) as publisher,
            TimingCrowd(port, "/", load.readers) as crowd,
        ):
            if place is not None:
                pin(server.pids, place.server)
                pin([redis.process.pid, os.getpid()], place.redis)
                pin_readers(crowd, place)
            sleep(SETTLE_SECONDS)
            left = publish_at(publisher, events, load.rate, load.seconds)
            return crowd.received(Publication(events[0].seq, left, monotonic() + GRACE_SECONDS))


def measure(scale: float, progress: Progress, place: Placement | None = None) -> Iterator[Row]:
    """Measure both paths in turns."""
    load, turns = LOAD.scaled(scale), turns_at(scale)
    ours, bare = [], []
    progress.expect(2 * turns)
    for turn in range(turns):
        progress(f"collector and api, {turn + 1} of {turns}")
        ours.append(asyncio.run(through_services(load, place)))
        require_all(ours[-1])
        progress(f"bare path, {turn + 1} of {turns}")
        bare.append(through_bare_path(load, place))
    return EndToEnd(load, ours, bare).rows()


def measure_pinned(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure both paths in turns, with all processes pinned to cores."""
    place = placement(count_cores())
    with pinned(place.redis):
        return measure(scale, progress, place)
