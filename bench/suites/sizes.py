"""The memory of books, events and readers in a collector, in Redis and in an api.

Real processes. Their memory is the resident memory that Linux counts, and Redis's own count. A
collector follows 1,100 books of depth 10, another one 100 books of depth 1,000. Each book has a few
updates, so that their memory is included. The figures are for planning, and have no goals.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

from redis import Redis

from bench.load.flood import symbols_of
from bench.load.idle_readers import open_streams, settled_memory
from bench.load.live_collector import live_collector
from bench.load.market_events import market_events
from bench.load.publishers import MAX_AT_ONCE, RETENTION, RedisPublisher
from bench.load.tape import Rate, Tape
from bench.peers import servers
from bench.report.rows import Row
from bench.suite import Progress, share_of
from kraken_book.contract.keys import book_key, events_key
from lab.sse.counting import CountingReaders, StreamAddress
from lab.stage import Stage
from lab.stored_books import StoredBooks
from lab.waiting import wait_until
from launcher.embedded_redis import EmbeddedRedis
from simulator.market.catalogue import CATALOGUE, Profile, profile_of
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.server import Simulator


class Shape(NamedTuple):
    """`books` books with `depth` levels on each side."""

    books: int
    depth: int


SHAPES = (Shape(1, 10), Shape(1100, 10), Shape(100, 1000))
MOVES_A_BOOK = 10
MOVES_A_SECOND = 2000.0
IDLE_READERS = 1000


class Following(NamedTuple):
    """The memory to follow books of one shape, in bytes."""

    shape: Shape
    collector: int
    book: float
    """Redis: the hash of a book."""
    event: float
    """Redis: an event in a short stream that contains a snapshot."""
    api: int
    """An api with one reader of all books."""


@dataclass(frozen=True)
class Sizes:
    """The memory of each part, in bytes."""

    redis: int
    """A Redis without data."""
    api: int
    """An api without readers."""
    reader: float
    """Each idle stream of an api."""
    readers: int
    stream: int
    """Redis: the stream of one busy book."""
    events: int
    """The number of events in that stream."""
    following: Sequence[Following]

    def rows(self) -> Iterator[Row]:
        """Yield the figures that `tools.plan` needs, and more."""
        stream = self.stream / self.events
        yield Row(what="Redis: an event of a busy book", ours=stream, unit="bytes")
        yield Row(what="Redis without a book", ours=self.redis / 1e6, unit="MB", is_detail=True)
        yield Row(what="api without readers", ours=self.api / 1e6, unit="MB")
        yield Row(what="api: an idle reader", ours=self.reader / 1e3, unit="kB")
        for shape, collector, book, event, api in self.following:
            books = f"{shape.books:,} of depth {shape.depth:,}"
            yield Row(what=f"collector: {books}", ours=collector / 1e6, unit="MB")
            yield Row(what=f"api with a reader: {books}", ours=api / 1e6, unit="MB")
            yield Row(
                what=f"Redis: a book's hash, depth {shape.depth:,}", ours=book / 1e3, unit="kB"
            )
            what = f"Redis: an event of a quiet book, depth {shape.depth:,}"
            yield Row(what=what, ours=event, unit="bytes", is_detail=True)


def measure(
    scale: float,
    progress: Progress,
    shapes: Sequence[Shape] = SHAPES,
    moves: int = MOVES_A_BOOK,
    events: int = RETENTION.maxlen,
) -> Iterator[Row]:
    """Measure each part."""
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
    return Sizes(empty, api, reader, readers, stream, events, following).rows()


def measure_few(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure only the shapes with many books, with fewer updates and events."""
    return measure(scale, progress, shapes=SHAPES[1:], moves=2, events=5000)


async def _follow(shape: Shape, moves: int) -> Following:
    rate = Rate(MOVES_A_SECOND, shape.books * moves / MOVES_A_SECOND)
    # A thousand levels for books of depth 10 would take most of the time.
    profile = _deep if shape.depth > 100 else profile_of
    tape = Tape(symbols_of(shape.books), [rate], depth=shape.depth, profile=profile)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        redis = stage.redis()
        async with Simulator(SimulatedKraken(tape)) as simulator:
            collector = await live_collector(
                stage, redis.url, simulator.url, shape.books, KRAKEN_DEPTH=str(shape.depth)
            )
            api = await asyncio.to_thread(stage.api, redis.url, LOG_LEVEL="error")
            with CountingReaders([StreamAddress(api.port, "/stream?symbols=*")]) as drain:
                await asyncio.to_thread(_wait_for_snapshots, drain, shape.books)
                tape.start()
                await asyncio.to_thread(_wait_for_books, tape, redis.url)
                book, event = await asyncio.to_thread(_in_redis, redis.url, list(tape.books))
                return Following(shape, collector.memory(), book, event, api.memory())


def _deep(symbol: str) -> Profile:
    """Return a market with a thousand levels on each side, which few of the simulator's have."""
    return replace(CATALOGUE["BTC/USD"], symbol=symbol)


def _wait_for_snapshots(drain: CountingReaders, books: int) -> None:
    wait_until(lambda: drain.counts()[0].snapshots >= books, "the reader has every book")


def _wait_for_books(tape: Tape, url: str) -> None:
    with closing(StoredBooks(url)) as streams:
        for symbol, checksum in tape.books.items():
            streams.wait_for_checksum(symbol, checksum)


def _in_redis(url: str, symbols: Sequence[str]) -> tuple[float, float]:
    """Return the mean bytes of a book's hash and of an event."""
    with Redis.from_url(url) as redis:
        books = sum(_memory(redis, book_key(symbol)) for symbol in symbols)
        streams = sum(_memory(redis, events_key(symbol)) for symbol in symbols)
        events = sum(cast("int", redis.xlen(events_key(symbol))) for symbol in symbols)
    return books / len(symbols), streams / events


def _memory(redis: Redis, key: str) -> int:
    # Count every element; by default Redis estimates from five.
    return cast("int", redis.memory_usage(key, samples=0))


def _full_stream(count: int) -> tuple[int, int]:
    """Return the bytes of an empty Redis, and its growth with a stream of `events` events."""
    events = market_events(count)
    with EmbeddedRedis() as server, Redis.from_url(server.url) as redis:
        empty = int(redis.info("memory")["used_memory"])
        publisher = RedisPublisher(server.socket_path, events.epoch)
        with closing(publisher):
            publisher.begin(events)
            before = int(redis.info("memory")["used_memory"])
            for first in range(0, count, MAX_AT_ONCE):
                publisher.publish(events.updates[first : first + MAX_AT_ONCE])
            return empty, int(redis.info("memory")["used_memory"]) - before


def _idle(readers: int, scale: float) -> tuple[int, float]:
    """Return the bytes of an api without readers, and of each reader."""
    with servers.api(market_events(1)) as server, ExitStack() as undo:
        assert server.memory is not None
        # The first reader loads code and buffers that the others share.
        open_streams(server, 1, undo)
        without = settled_memory(server, scale)
        open_streams(server, readers, undo)
        return without, (settled_memory(server, scale) - without) / readers
