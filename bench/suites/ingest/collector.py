"""A run of the collector in a flood, and the books and events that it stored in Redis.

The collector has two paths of a frame: the compiled one, and the pure one that runs without a
compiler or with KRAKEN_BOOK_PURE.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple
from zlib import crc32

import msgspec
from redis import Redis

from bench.load.cores import pin
from bench.load.flood_process import FloodProcess
from bench.suite import MeasureFailed
from bench.suites.ingest.run import COLLECTOR_CORE, OTHER_CORE, Run, timed
from kraken_book.contract.keys import book_key, events_key
from kraken_book.speedups import PURE_VARIABLE, compiled
from lab.services import Collector
from lab.stage import Stage
from launcher.embedded_redis import EmbeddedRedis

# The first frames after a start are slower.
SETTLE_SECONDS = 0.5


# Events in one reply of Redis, when all are read back.
_READ_EVENTS = 10_000

FramePath = Literal["compiled", "pure"]

StreamEntry = tuple[bytes, Sequence[bytes]]
"""The id of an event in Redis, and its fields, each followed by its value."""


class Stored(NamedTuple):
    """A symbol's seqs in Redis, its oldest entries, and the fields of its book."""

    seqs: Sequence[int]
    entries: Sequence[StreamEntry]
    book: dict[bytes, bytes]


class Ours(NamedTuple):
    """A run of the collector, its calls of the write script, and the stored books and events."""

    run: Run
    calls: int
    stored: dict[str, Stored]

    @property
    def events_a_call(self) -> float:
        """The mean number of events in a call of the write script."""
        return self.run.updates / max(1, self.calls)


def paths() -> tuple[FramePath, ...]:
    """Return the paths that this installation has, the one that it uses first."""
    return ("pure",) if compiled is None else ("compiled", "pure")


def run_ours(
    stage: Stage,
    redis: EmbeddedRedis,
    flood: FloodProcess,
    path: FramePath,
    rounds: int,
    keep: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Ours:
    """Send rounds of the flood to a collector.

    Args:
        stage: Starts the collector.
        redis: An empty Redis.
        flood: The feed.
        path: The path of the collector's frames.
        rounds: The rounds to send.
        keep: The number of stored events to return, spread evenly over the symbols.
        environment: Other settings of the collector.

    Returns:
        The figures of the run. If an update is missing or wrong, a MeasureFailed is raised.

    """
    sent = flood.serving.v2.sent(rounds)
    collector = start_collector(stage, redis, flood, path, environment or {})
    client: Any = Redis.from_url(redis.url)
    # Without a dictionary for each event.
    client.set_response_callback("XRANGE", lambda reply, **_: reply)

    def stream_seq(symbol: str) -> int:
        return int(client.hget(book_key(symbol), "stream_seq") or 0)

    before = {symbol: stream_seq(symbol) for symbol in sent}
    calls_before = _calls(client)
    run = timed(
        lambda: flood.send("v2", rounds),
        sent,
        collector.process.pid,
        lambda symbol, count: stream_seq(symbol) >= before[symbol] + count,
    )
    calls = _calls(client) - calls_before
    # Read before the collector ends, because its last status is an entry too.
    stored = {symbol: _stored(client, symbol, -(-keep // len(sent))) for symbol in sent}
    collector.stop()
    client.close()
    for symbol, each in stored.items():
        last = before[symbol] + sent[symbol]
        check(symbol, each, before[symbol], last, flood.serving.checksums[symbol])
    return Ours(run, calls, stored)


def start_collector(
    stage: Stage,
    redis: EmbeddedRedis,
    flood: FloodProcess,
    path: FramePath,
    environment: Mapping[str, str],
) -> Collector:
    """Start a collector on its own core; return when every book of the flood is live."""
    symbols = flood.serving.v2.updates
    collector = stage.collector(
        redis.url,
        flood.serving.v2.url,
        KRAKEN_SYMBOLS=",".join(symbols),
        # One connection: with two, the exchange times of one could be ahead of the other's.
        KRAKEN_SYMBOLS_PER_CONNECTION="1000",
        STREAM_MAXLEN="10000000",
        STREAM_RETENTION="3600",
        LOG_LEVEL="warning",
        **{PURE_VARIABLE: "1" if path == "pure" else "0"},
        **environment,
    )
    pin([collector.process.pid], COLLECTOR_CORE)
    pin([redis.process.pid, flood.pid, os.getpid()], OTHER_CORE)
    collector.wait_until_live(len(symbols))
    if collector.metric("kraken_book_speedups") != (path == "compiled"):
        raise MeasureFailed(f"the collector does not run the {path} path")
    time.sleep(SETTLE_SECONDS)
    return collector


def check(symbol: str, stored: Stored, after: int, last: int, checksum: int) -> None:
    """Raise MeasureFailed unless every seq after `after` is stored, and the last book is right."""
    found = [seq for seq in stored.seqs if seq > after]
    if found != list(range(after + 1, last + 1)):
        # A snapshot that replaces events has the seq of the last one.
        raise MeasureFailed(
            f"{symbol} does not have every seq from {after + 1} to {last}: there are {len(found):,}"
        )
    crc = crc32("".join([*_texts(stored.book[b"asks"]), *_texts(stored.book[b"bids"])]).encode())
    if not crc == int(stored.book[b"checksum"]) == checksum:
        raise MeasureFailed(f"the last book of {symbol} has the checksum {crc}, not {checksum}")


def _texts(side: bytes) -> Iterator[str]:
    for level in msgspec.json.decode(side, type=list[tuple[str, str]])[:10]:
        yield from (text.replace(".", "").lstrip("0") for text in level)


def _stored(client: Any, symbol: str, keep: int) -> Stored:
    seqs, kept = array("Q"), list[StreamEntry]()
    begin = b"-"
    while entries := client.xrange(events_key(symbol), min=begin, count=_READ_EVENTS):
        seqs.extend(int(entry_id.partition(b"-")[2]) for entry_id, _ in entries)
        kept += entries[: max(0, keep - len(kept))]
        begin = b"(" + entries[-1][0]
    return Stored(seqs, kept, client.hgetall(book_key(symbol)))


def _calls(client: Any) -> int:
    statistics: Mapping[str, Any] = client.info("commandstats")
    return int(statistics.get("cmdstat_evalsha", {"calls": 0})["calls"])
