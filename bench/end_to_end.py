"""From a frame that leaves the simulator to its event at a reader, beside the barest of paths.

    python -m bench.end_to_end

100 readers of one book, 1,000 updates a second. Ours: the feed in this process, a collector, a
Redis, an api. `bare`: the same events by XADD, and `bench.bare_path`, which knows nothing but XREAD
and write. In turns. It ends with 1 where a reader of ours missed an event, or where our p50 or p99
is above its goal.
"""

from __future__ import annotations

import argparse
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
from bench.market_events import SYMBOL, market_events
from bench.peers.process import PeerProcess
from bench.publishers import publish_at
from bench.side_by_side import GRACE_SECONDS, SETTLE_SECONDS, Load, Progress
from bench.sse_crowd import ROOT, Crowd
from bench.sse_readers import Publication, Received
from bench.tape import Rate, Tape
from launcher.embedded_redis import EmbeddedRedis
from service.logs import configure_logs, parse_levels
from simulator.feed import Subscriber
from simulator.server import Simulator
from tests.e2e.processes import Stage, Streams, eventually, own_port

LOAD = Load(100, 1000.0, 3.0)
TURNS = 3
GOAL_TIMES = 1.5
"""So many times as slow as the bare path, at most."""


@dataclass(frozen=True)
class EndToEnd:
    """What came to the readers, of ours and of the bare path, turn by turn."""

    load: Load
    ours: Sequence[Received]
    bare: Sequence[Received]

    def times(self, share: float) -> float:
        """How many times the bare path's delay ours is, for so many of all events."""
        pairs = zip(self.ours, self.bare, strict=True)
        return median(ours.delay(share) / bare.delay(share) for ours, bare in pairs)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, and both ratios are within their goal.

        Of a part of the load ratios decide nothing.
        """
        is_complete = all(turn.complete == turn.readers for turn in self.ours)
        if self.load.readers < LOAD.readers:
            return is_complete
        return is_complete and max(self.times(0.5), self.times(0.99)) <= GOAL_TIMES

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        load = self.load
        yield f"{load.readers:,} readers of one book at {load.rate:,.0f} updates a second"
        for name, turns in {"ours": self.ours, "bare": self.bare}.items():
            p50 = median(turn.delay(0.5) for turn in turns)
            p99 = median(turn.delay(0.99) for turn in turns)
            complete = min(turn.complete for turn in turns)
            yield (
                f"  {name:14}p50 {p50 * 1e3:8.1f} ms  p99 {p99 * 1e3:8.1f} ms"
                f"  {complete:,} readers had all"
            )
        yield (
            f"  p50 {self.times(0.5):.2f} times the bare path's, p99 {self.times(0.99):.2f}"
            f" (goal: at most {GOAL_TIMES})"
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
    load = Load(max(1, int(LOAD.readers * scale)), LOAD.rate, max(1.0, LOAD.seconds * scale))
    ours, bare = [], []
    turns = TURNS if scale >= 1 else 1
    for turn in range(turns):
        progress(f"end to end, {turn + 1} of {turns}")
        ours.append(asyncio.run(through_services(load)))
        bare.append(through_bare_path(load))
    return EndToEnd(load, ours, bare)


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="End to end, beside the barest of paths.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the readers and of the time")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    found = measure(options.scale, lambda what: print(what, file=sys.stderr, flush=True))
    for line in found.lines():
        print(line)
    return int(not found.is_good)


if __name__ == "__main__":
    sys.exit(main())
