"""A Redis with the books of an exchange, apis that read it, and its CPU at a given pace."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Literal, NamedTuple

from redis import Redis

from bench.load.exchange_writer import ExchangeWriter
from bench.load.market_events import market_events
from bench.suite import MeasureFailed
from lab.ports import free_port
from lab.services import Api
from lab.sse.counting import CountingReaders, StreamAddress, wait_for_updates
from lab.stage import Stage
from launcher.embedded_redis import EmbeddedRedis

FEW = 20
UPDATES_OF_A_BOOK = 6000
GRACE_SECONDS = 20.0

Following = Literal["nobody", "few", "all"]
WORDS: dict[Following, str] = {"nobody": "nobody", "few": f"{FEW} books", "all": "all books"}


class WritePace(NamedTuple):
    """Flushes per second and events per flush.

    A collector also confirms every book once a second. Without `confirms` that is left out, so that
    small costs stay visible.
    """

    flushes: float
    events: int
    confirms: bool = False


QUIET = WritePace(10, 0, confirms=True)
BUSY = WritePace(250, 20, confirms=True)
"""A whole exchange on an ordinary day: 5,000 events a second."""


class Spent(NamedTuple):
    """The CPU that Redis used per second at one pace, and the number of writes and reads."""

    cpu: float
    flushes: float
    events: float
    read: float
    """Events per second that each replica followed."""
    api: float = 0.0
    """The CPU of each api."""
    event_bytes: float = 0.0
    """The bytes that a reader receives for an event."""


class RedisLoad:
    """A Redis with all books, and a growing number of apis."""

    def __init__(self, stage: Stage, folder: Path, books: int, seconds: float) -> None:
        self._stage, self._folder, self._seconds = stage, folder, seconds
        # On a port, because replicas on other machines use TCP.
        self.server = stage.redis(0)
        self.redis: Redis = stage.enter(closing(Redis.from_url(self.server.url)))
        market = market_events(UPDATES_OF_A_BOOK)
        path = self.server.socket_path
        self.writer = stage.enter(closing(ExchangeWriter(path, market, books)))
        self.writer.begin_all()
        self.apis: list[Api] = []

    def grow_to(self, count: int, server: EmbeddedRedis | None = None) -> None:
        """Start apis until there are `count`; the new ones read `server` if it is given."""
        url = (server or self.server).url
        new = [self._api(url) for _ in range(count - len(self.apis))]
        for api in new:
            api.answers("/readyz")
        self.apis += new

    def _api(self, url: str) -> Api:
        port = free_port()
        log = self._folder / f"api-{port}.log"
        settings = {"API_PORT": str(port), "LOG_LEVEL": "error", "API_MAX_AGE": "3600"}
        api = Api("api", log, ["api"], port, REDIS_URL=url, **settings)
        return self._stage.enter(closing(api))

    def touch(self) -> float:
        """Return the CPU to confirm one book, in microseconds."""
        times, before = 5, cpu_of(self.redis)
        for _ in range(times):
            self.writer.touch_all()
        return (cpu_of(self.redis) - before) / times / len(self.writer.symbols) * 1e6

    def spent(
        self,
        following: Following,
        paces: Sequence[WritePace],
        *,
        cpu_of_server: Redis | None = None,
    ) -> list[Spent]:
        """Measure each pace while every api has a reader of these books.

        Args:
            following: The books that each reader follows.
            paces: The paces of writing.
            cpu_of_server: The Redis to measure; the one that is written to if None.

        Returns:
            The figures of each pace. A reader that misses an event raises MeasureFailed.

        """
        few, everything = self.writer.symbols[:FEW], self.writer.symbols
        followed = {"nobody": [], "few": few, "all": everything}[following]
        named = "*" if following == "all" else ",".join(followed)
        addresses = [
            StreamAddress(api.port, f"/stream?symbols={named}") for api in self.apis if followed
        ]
        with CountingReaders(addresses) as drain:
            self._wait_for_snapshots(drain, len(followed))
            server = cpu_of_server or self.redis
            return [self._at(pace, followed, drain, server) for pace in paces]

    def alone(self, pace: WritePace) -> Spent:
        """Measure a pace while every api is stopped."""
        for api in self.apis:
            api.freeze()
        (spent,) = self.spent("nobody", [pace])
        for api in self.apis:
            api.resume()
            api.answers("/readyz")
        return spent

    def _wait_for_snapshots(self, drain: CountingReaders, count: int) -> None:
        deadline = monotonic() + GRACE_SECONDS
        while any(had.snapshots < count for had in drain.counts()):
            assert monotonic() < deadline, "the streams did not open"
            sleep(0.1)
        # The opening of a stream reads Redis too.
        sleep(min(1.0, self._seconds))

    def _at(
        self, pace: WritePace, followed: Sequence[str], drain: CountingReaders, server: Redis
    ) -> Spent:
        had, moved, total = drain.counts(), self._moved(followed), self.writer.moved.total()
        before, of_apis, begun = cpu_of(server), self._cpu_of_apis(), monotonic()
        flushes = self._write(pace)
        read = self._moved(followed) - moved
        wanted = [each.updates + read for each in had]
        wait_for_updates(drain, wanted, GRACE_SECONDS)
        having = drain.counts()
        if [each.updates for each in having] != wanted:
            raise MeasureFailed("a reader did not receive each event once")
        sleep(max(0.0, begun + self._seconds - monotonic()))
        seconds = monotonic() - begun
        sent = sum(after.bytes - each.bytes for after, each in zip(having, had, strict=True))
        return Spent(
            (cpu_of(server) - before) / seconds,
            flushes / seconds,
            (self.writer.moved.total() - total) / seconds,
            read / seconds,
            (self._cpu_of_apis() - of_apis) / seconds / max(1, len(self.apis)),
            sent / max(1, read * len(had)),
        )

    def _write(self, pace: WritePace) -> int:
        """Write at this pace; return the number of flushes."""
        begun, flushes = monotonic(), int(pace.flushes * self._seconds)
        for number in range(flushes):
            sleep(max(0.0, begun + number / pace.flushes - monotonic()))
            if pace.confirms and number % pace.flushes == 0:
                self.writer.touch_all()
            if pace.events:
                self.writer.flush(pace.events)
        return flushes if pace.events else 0

    def _cpu_of_apis(self) -> float:
        return sum(api.cpu_seconds() for api in self.apis)

    def _moved(self, followed: Sequence[str]) -> int:
        return sum(self.writer.moved[symbol] for symbol in followed)


def cpu_of(redis: Redis) -> float:
    """Return the CPU seconds of a Redis, by its own count."""
    told = redis.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])
