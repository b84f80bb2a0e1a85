"""The longest stalls of the event loops of a collector and an api during a ten-fold burst.

200 books, 1,000 updates per second, 10,000 for two seconds, 1,000 again; a collector, a Redis, an
api with readers of all books and of one, and a client that requests `/depth` without a pause. Both
services run as usual, with a watch on their loops (`bench.load.loop_watch`). A stall is the CPU
time of the loop's thread until the next turn of the loop. The time by the clock contains other work
of the machine, so it is a detail without a goal.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import msgspec

from bench.load.flood import symbols_of
from bench.load.http_load import HttpLoad, get
from bench.load.live_collector import live_collector
from bench.load.loop_watch import Stall, Stalls
from bench.load.tape import Rate, Tape
from bench.report.goals import STALL
from bench.report.rows import Row
from bench.suite import Progress, share_of
from lab.ports import free_port
from lab.process import Process
from lab.services import Api
from lab.sse.counting import CountingReaders, StreamAddress
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.server import Simulator

BOOKS = 200
CALM, TIMES, BURST_SECONDS, CALM_SECONDS = 1000.0, 10, 2.0, 3.0
READERS_OF_ALL, READERS_OF_ONE = 10, 90
DEPTH_CONNECTIONS = 1
REST_SECONDS = 3.0


@dataclass(frozen=True)
class Watched:
    """The stalls of one service at its start, at the normal rate, and in and after the burst."""

    service: str
    start: Sequence[Stall]
    calm: Sequence[Stall]
    burst: Sequence[Stall]

    @property
    def longest(self) -> float:
        """The longest CPU time without a turn of the loop after the start, in seconds."""
        return _longest([*self.calm, *self.burst])

    def details(self) -> Iterator[Row]:
        """Yield the longest stall of each part, its code, and its share of garbage collection."""
        parts = {"start": self.start, "calm": self.calm, "burst": self.burst}
        for word, stalls in parts.items():
            most = max(stalls, key=lambda stall: stall.cpu, default=None)
            clock = max((stall.seconds for stall in stalls), default=0.0)
            garbage = max((stall.garbage for stall in stalls), default=0.0)
            yield Row(
                what=f"{self.service}, {word}: longest stall",
                ours=_longest(stalls) * 1e3,
                unit="ms",
                beside="by the clock",
                theirs=clock * 1e3,
                note=f"garbage {garbage * 1e3:.0f} ms {_innermost(most)}".rstrip(),
                is_detail=True,
            )


@dataclass(frozen=True)
class AllStalls:
    """The stalls of both services."""

    books: int
    updates: int
    services: Sequence[Watched]

    def rows(self) -> Iterator[Row]:
        """Yield the longest stall of each service."""
        for watched in self.services:
            longest = watched.longest * 1e3
            what = f"longest stall in a burst: {watched.service}"
            yield Row(what=what, ours=longest, unit="ms", goal=STALL)
        for watched in self.services:
            yield from watched.details()


def _innermost(stall: Stall | None) -> str:
    """Return the two innermost functions that ran in a stall; empty for a short one."""
    return " > ".join(stall.where.split(" > ")[-2:]) if stall else ""


def _longest(stalls: Sequence[Stall]) -> float:
    return max((min(stall.cpu, stall.seconds) for stall in stalls), default=0.0)


async def play(
    stage: Stage, folder: Path, tape: Tape, rates: Sequence[Rate], rest: float
) -> list[Watched]:
    """Play the tape, with a pause before and after it; return the stalls of both services."""
    redis = stage.redis()
    async with Simulator(SimulatedKraken(tape)) as simulator:
        collector = await live_collector(
            stage,
            redis.url,
            simulator.url,
            len(tape.books),
            module="bench.load.watched_service",
            **_watching("collector", folder),
        )
        api = stage.enter(closing(_api(redis.url, folder)))
        await asyncio.to_thread(api.answers, "/readyz")
        one = next(iter(tape.books))
        all_of_them = [StreamAddress(api.port, "/stream?symbols=*")] * READERS_OF_ALL
        of_one = [StreamAddress(api.port, f"/stream/{one.replace('/', '-')}")] * READERS_OF_ONE
        depth = HttpLoad([get(f"/depth/{symbol.replace('/', '-')}") for symbol in tape.books])
        seconds = sum(rate.seconds for rate in rates) + 1 + rest
        with CountingReaders([*all_of_them, *of_one]):
            await asyncio.sleep(rest)
            tape.start()
            calm_from = monotonic() + 1
            await depth.run(api.port, DEPTH_CONNECTIONS, seconds)
            with closing(StoredBooks(redis.url)) as streams:
                for symbol, checksum in tape.books.items():
                    await asyncio.to_thread(streams.wait_for_checksum, symbol, checksum)
        burst_from = calm_from + rates[0].seconds
        found = []
        for service, name in ((collector, "collector"), (api, "api")):
            stalls = await asyncio.to_thread(_noted, service, folder / f"{name}.json")
            found.append(_parted(name, stalls, calm_from, burst_from))
    return found


def _watching(service: str, folder: Path) -> dict[str, str]:
    return {"WATCHED": service, "WATCHED_FILE": str(folder / f"{service}.json")}


def _api(redis_url: str, folder: Path) -> Api:
    port = free_port()
    settings = {"API_PORT": str(port), "REDIS_URL": redis_url, "LOG_LEVEL": "error"}
    log = folder / "watched-api.log"
    watching = _watching("api", folder)
    return Api("api", log, ["bench.load.watched_service"], port, **settings, **watching)


def _noted(service: Process, file: Path) -> Stalls:
    """Stop the service, and return its stalls."""
    service.process.send_signal(signal.SIGTERM)
    service.wait_for_end()
    wait_until(file.is_file, f"{service.name} has written its stalls")
    return msgspec.json.decode(file.read_bytes(), type=Stalls)


def _parted(name: str, stalls: Stalls, calm_from: float, burst_from: float) -> Watched:
    noted = stalls.noted
    return Watched(
        name,
        [stall for stall in noted if stall.at < calm_from],
        [stall for stall in noted if calm_from <= stall.at < burst_from],
        [stall for stall in noted if burst_from <= stall.at],
    )


def measure(scale: float, progress: Progress, books: int = BOOKS) -> Iterator[Row]:
    """Measure both services."""
    books = max(3, share_of(books, scale))
    calm = Rate(CALM, max(0.5, CALM_SECONDS * scale))
    rates = [calm, Rate(CALM * TIMES, max(0.3, BURST_SECONDS * scale)), calm]
    rest = max(0.5, REST_SECONDS * min(1.0, scale))
    progress.expect(2)
    progress("preparing a burst")
    tape = Tape(symbols_of(books), rates)
    progress("playing it")
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        services = asyncio.run(play(stage, Path(folder), tape, rates, rest))
    return AllStalls(books, len(tape.updates), services).rows()
