"""How much memory books, events and readers take: in a collector, in Redis, in an api.

    python -m bench.sizes

Real processes; what they take is what Linux has in memory for them, and what Redis says of itself.
A collector follows 1,100 books of depth 10, another one 100 of depth 1000; each book moves some
times, so that what a move needs is in it. The figures are for who plans, and decide nothing.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

from redis import Redis

from bench import servers
from bench.benchmark import Progress, share_of
from bench.command import command_line, run
from bench.drain import Address, Drain
from bench.flood import symbols_of
from bench.held_open import hold_open, still
from bench.live_collector import live_collector
from bench.market_events import market_events
from bench.publishers import MOST_AT_ONCE, RETENTION, RedisPublisher
from bench.rows import Row
from bench.tape import Rate, Tape
from kraken_book.contract.keys import book_key, events_key
from lab.processes import Stage, Streams, eventually
from launcher.embedded_redis import EmbeddedRedis
from simulator.market.catalogue import CATALOGUE, Profile, profile_of
from simulator.server import Simulator


class Shape(NamedTuple):
    """So many books of so many levels a side."""

    books: int
    depth: int


SHAPES = (Shape(1, 10), Shape(1100, 10), Shape(100, 1000))
MOVES_A_BOOK = 10
MOVES_A_SECOND = 2000.0
IDLE_READERS = 1000


class Following(NamedTuple):
    """What it takes to follow books of one shape, in bytes."""

    shape: Shape
    collector: int
    book: float
    """In Redis, a book's hash."""
    event: float
    """In Redis, of a stream of few events, a snapshot among them."""
    api: int
    """An api with one reader of all of them."""


@dataclass(frozen=True)
class Sizes:
    """What each piece takes, in bytes."""

    redis: int
    """A Redis that has nothing."""
    api: int
    """An api without readers."""
    reader: float
    """What each idle stream of it adds."""
    readers: int
    stream: int
    """In Redis, the stream of one busy book."""
    events: int
    """That many events are in it."""
    following: Sequence[Following]

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield f"Redis without a book: {self.redis / 1e6:.1f} MB"
        yield (
            f"a stream of {self.events:,} events of depth 10: {self.stream / 1e6:.1f} MB,"
            f" {self.stream / self.events:.0f} bytes each"
        )
        yield (
            f"an api without readers: {self.api / 1e6:.1f} MB; {self.readers:,} idle ones:"
            f" {self.reader / 1e3:.1f} kB each"
        )
        yield "     books  depth  collector MB  Redis: a book kB  an event kB  api with a reader MB"
        for shape, collector, book, event, api in self.following:
            yield (
                f"  {shape.books:8,}{shape.depth:7,}{collector / 1e6:14.1f}{book / 1e3:18.2f}"
                f"{event / 1e3:13.2f}{api / 1e6:22.1f}"
            )

    def rows(self) -> Iterator[Row]:
        """What a plan needs of them."""
        stream = self.stream / self.events
        yield Row(what="Redis: an event of a busy book", ours=stream, unit="bytes")
        yield Row(what="api without readers", ours=self.api / 1e6, unit="MB")
        yield Row(what="api: an idle reader", ours=self.reader / 1e3, unit="kB")
        for shape, collector, book, _, api in self.following:
            books = f"{shape.books:,} of depth {shape.depth:,}"
            yield Row(what=f"collector: {books}", ours=collector / 1e6, unit="MB")
            yield Row(what=f"api with a reader: {books}", ours=api / 1e6, unit="MB")
            yield Row(
                what=f"Redis: a book's hash, depth {shape.depth:,}", ours=book / 1e3, unit="kB"
            )


def measure(
    scale: float,
    progress: Progress,
    shapes: Sequence[Shape] = SHAPES,
    moves: int = MOVES_A_BOOK,
    events: int = RETENTION.maxlen,
) -> Sizes:
    """Measure with this share of the books, the events and the readers."""
    following = []
    progress.expect(len(shapes) + 2)
    for shape in shapes:
        scaled = Shape(share_of(shape.books, scale), shape.depth)
        progress(f"{scaled.books:,} books of depth {scaled.depth:,}")
        following.append(asyncio.run(_follow(scaled, moves)))
    progress("a full stream")
    events = max(100, share_of(events, scale))
    empty, stream = _full_stream(events)
    readers = share_of(IDLE_READERS, scale)
    progress(f"{readers:,} idle streams")
    api, reader = _idle(readers, scale)
    return Sizes(empty, api, reader, readers, stream, events, following)


async def _follow(shape: Shape, moves: int) -> Following:
    rate = Rate(MOVES_A_SECOND, shape.books * moves / MOVES_A_SECOND)
    # To make a thousand levels for those who take ten would take most of the time.
    profile = _deep if shape.depth > 100 else profile_of
    tape = Tape(symbols_of(shape.books), [rate], depth=shape.depth, profile=profile)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        async with Simulator(tape) as simulator:
            collector = await live_collector(
                stage, redis.url, simulator.url, shape.books, KRAKEN_DEPTH=str(shape.depth)
            )
            api = await asyncio.to_thread(stage.api, redis.url, LOG_LEVEL="error")
            with Drain([Address(api.port, "/stream?symbols=*")]) as drain:
                await asyncio.to_thread(_wait_for_snapshots, drain, shape.books)
                tape.start()
                await asyncio.to_thread(_wait_for_books, tape, redis.url)
                book, event = await asyncio.to_thread(_in_redis, redis.url, list(tape.books))
                return Following(shape, collector.memory(), book, event, api.memory())


def _deep(symbol: str) -> Profile:
    """A market that has a thousand levels a side, which few of the simulator's have."""
    return replace(CATALOGUE["BTC/USD"], symbol=symbol)


def _wait_for_snapshots(drain: Drain, books: int) -> None:
    eventually(lambda: drain.had()[0].snapshots >= books, "the reader has every book")


def _wait_for_books(tape: Tape, url: str) -> None:
    with closing(Streams(url)) as streams:
        for symbol, checksum in tape.books.items():
            streams.wait_for_checksum(symbol, checksum)


def _in_redis(url: str, symbols: Sequence[str]) -> tuple[float, float]:
    """The bytes of a book's hash and of an event, the mean of these."""
    with Redis.from_url(url) as redis:
        books = sum(_memory(redis, book_key(symbol)) for symbol in symbols)
        streams = sum(_memory(redis, events_key(symbol)) for symbol in symbols)
        events = sum(cast("int", redis.xlen(events_key(symbol))) for symbol in symbols)
    return books / len(symbols), streams / events


def _memory(redis: Redis, key: str) -> int:
    # Every element is looked at: by default it is guessed from five.
    return cast("int", redis.memory_usage(key, samples=0))


def _full_stream(count: int) -> tuple[int, int]:
    """The bytes of an empty Redis, and by how many it grows with a stream of so many events."""
    events = market_events(count)
    with EmbeddedRedis() as server, Redis.from_url(server.url) as redis:
        empty = int(redis.info("memory")["used_memory"])
        publisher = RedisPublisher(server.socket_path, events.epoch)
        with closing(publisher):
            publisher.begin(events)
            before = int(redis.info("memory")["used_memory"])
            for first in range(0, count, MOST_AT_ONCE):
                publisher.publish(events.updates[first : first + MOST_AT_ONCE])
            return empty, int(redis.info("memory")["used_memory"]) - before


def _idle(readers: int, scale: float) -> tuple[int, float]:
    """The bytes of an api without readers, and of each of so many."""
    with servers.api(market_events(1)) as server, ExitStack() as undo:
        assert server.memory is not None
        # What the first of all brings in is no reader's.
        hold_open(server, 1, undo)
        without = still(server, scale)
        hold_open(server, readers, undo)
        return without, (still(server, scale) - without) / readers


if __name__ == "__main__":
    sys.exit(run(measure, command_line(__doc__)))
