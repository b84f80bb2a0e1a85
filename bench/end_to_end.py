"""From a frame that leaves the simulator to its event at a reader, beside the barest of paths.

    python -m bench.end_to_end

100 readers of one book, 1,000 updates a second. Ours: the feed in this process, a collector, a
Redis, an api. `bare`: the same events by XADD, and `bench.bare_path`, which knows nothing but XREAD
and write. In turns. Where a reader of ours missed an event there is no figure.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from bench.bare_path import BarePublisher
from bench.benchmark import Progress, turns_at
from bench.command import command_line, run
from bench.goals import END_TO_END_BESIDE_BARE_PATH
from bench.market_events import SYMBOL, market_events
from bench.peers.process import PeerProcess
from bench.publishers import publish_at
from bench.rows import Row, median_ratio
from bench.side_by_side import GRACE_SECONDS, SETTLE_SECONDS, Load, require_all
from bench.sse_crowd import ROOT, Crowd
from bench.sse_readers import Publication, Received
from bench.tape import Rate, Tape
from lab.processes import Stage, Streams, eventually, own_port
from launcher.embedded_redis import EmbeddedRedis
from simulator.protocol.feed import Subscriber
from simulator.server import Simulator

LOAD = Load(100, 1000.0, 2.0)
SHARES = {"p50": 0.5, "p99": 0.99}


@dataclass(frozen=True)
class EndToEnd:
    """What came to the readers, of ours and of the bare path, turn by turn."""

    load: Load
    ours: Sequence[Received]
    bare: Sequence[Received]

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield str(self.load)
        for name, turns in {"ours": self.ours, "bare": self.bare}.items():
            p50 = median(turn.delay(0.5) for turn in turns)
            p99 = median(turn.delay(0.99) for turn in turns)
            complete = min(turn.complete for turn in turns)
            yield (
                f"  {name:14}p50 {p50 * 1e3:8.1f} ms  p99 {p99 * 1e3:8.1f} ms"
                f"  {complete:,} readers had all"
            )

    def rows(self) -> Iterator[Row]:
        """Both delays, beside the bare path's."""
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
                goal=END_TO_END_BESIDE_BARE_PATH,
            )


class NotedTape(Tape):
    """A tape that notes when each frame leaves, in steady seconds."""

    def __init__(self, load: Load) -> None:
        super().__init__([SYMBOL], [Rate(load.rate, load.seconds)])
        self.left: array[float] = array("d")

    def is_played(self) -> bool:
        """Whether the last frame has left."""
        return len(self.left) == len(self.updates)

    def subscribe(self, symbol: str, depth: int, subscriber: Subscriber, snapshot: bool) -> None:
        """Send the snapshot, and what is played from now on."""
        super().subscribe(symbol, depth, subscriber, snapshot)
        # Its snapshot has been sent; what comes now are updates.
        self._subscribers[symbol] = _Noting(subscriber, self.left)


@dataclass(frozen=True)
class _Noting(Subscriber):
    subscriber: Subscriber
    left: array[float] = field(repr=False)

    def push(self, packed: bytes) -> None:
        self.left.append(monotonic())
        self.subscriber.push(packed)

    async def drained(self) -> None:
        await self.subscriber.drained()


async def through_services(load: Load) -> Received:
    """What comes by way of a collector and an api."""
    tape = NotedTape(load)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        async with Simulator(tape) as simulator:
            collector = await asyncio.to_thread(
                stage.collector, redis.url, simulator.url, KRAKEN_SYMBOLS=SYMBOL
            )
            await asyncio.to_thread(collector.wait_until_live, 1)
            api = await asyncio.to_thread(stage.api, redis.url, LOG_LEVEL="error")
            await asyncio.to_thread(api.wait_until_live, SYMBOL)
            with Crowd(api.port, f"/stream/{SYMBOL.replace('/', '-')}", load.readers) as crowd:
                with closing(Streams(redis.url)) as streams:
                    first = streams.last_seq(SYMBOL) + 1
                tape.start(SETTLE_SECONDS)
                await asyncio.to_thread(eventually, tape.is_played, "the tape has been played")
                publication = Publication(first, tape.left, monotonic() + GRACE_SECONDS)
                return await asyncio.to_thread(crowd.received, publication)


def through_bare_path(load: Load) -> Received:
    """What comes by way of an XADD, an XREAD and writes."""
    events = market_events(int(load.rate * load.seconds)).updates
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis() as redis:
        port = own_port()
        command = [sys.executable, "-m", "bench.bare_path", str(port), str(redis.socket_path)]
        environment = {"PYTHONPATH": str(ROOT)}
        with (
            PeerProcess(command, port, Path(folder) / "bare.log", environment),
            closing(BarePublisher(redis.socket_path)) as publisher,
            Crowd(port, "/", load.readers) as crowd,
        ):
            sleep(SETTLE_SECONDS)
            left = publish_at(publisher, events, load.rate, load.seconds)
            return crowd.received(Publication(events[0].seq, left, monotonic() + GRACE_SECONDS))


def measure(scale: float, progress: Progress) -> EndToEnd:
    """Measure with this share of the readers and of the time."""
    load, turns = LOAD.scaled(scale), turns_at(scale)
    ours, bare = [], []
    progress.expect(2 * turns)
    for turn in range(turns):
        progress(f"collector and api, {turn + 1} of {turns}")
        ours.append(asyncio.run(through_services(load)))
        require_all(ours[-1])
        progress(f"bare path, {turn + 1} of {turns}")
        bare.append(through_bare_path(load))
    return EndToEnd(load, ours, bare)


if __name__ == "__main__":
    sys.exit(run(measure, command_line(__doc__)))
