"""The memory of an api for each open stream: for an idle one, and for one that is not read.

One process of the api and one book without updates. 10,000 readers open a stream and receive
nothing. Then 1,000 more request the last 6,000 events of the book, and read none of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from redis import Redis

from bench.load.idle_readers import open_streams, settled_memory
from bench.load.market_events import SYMBOL, MarketEvents, market_events
from bench.load.publishers import MAX_AT_ONCE
from bench.peers import servers
from bench.peers.servers import Server
from bench.report.goals import IDLE_STREAM, SLOW_STREAM
from bench.report.rows import Row
from bench.suite import Progress, share_of
from kraken_book.contract.keys import events_key
from lab.sse.frozen import frozen_readers

IDLE = 10_000
SLOW = 1_000
PAST_EVENTS = 6_000


@dataclass(frozen=True)
class OpenStreams:
    """The api's memory without readers, and the memory of each reader, in bytes."""

    idle_readers: int
    slow_readers: int
    without: int
    idle: float
    slow: float

    def rows(self) -> Iterator[Row]:
        """Yield the memory of a reader."""
        yield Row(what="an api without readers", ours=self.without / 1e6, unit="MB", is_detail=True)
        idle, slow = self.idle / 1e3, self.slow / 1e3
        what = f"each of {self.idle_readers:,} idle streams"
        yield Row(what=what, ours=idle, unit="kB", goal=IDLE_STREAM)
        what = f"each of {self.slow_readers:,} slow readers"
        yield Row(what=what, ours=slow, unit="kB", goal=SLOW_STREAM)


def measure(scale: float, progress: Progress) -> Iterator[Row]:
    """Measure the api's memory without and with the streams."""
    idle, slow = share_of(IDLE, scale), share_of(SLOW, scale)
    progress.expect(3)
    progress("an api without readers")
    events = market_events(PAST_EVENTS)
    with servers.api(events) as server, ExitStack() as undo:
        assert server.memory is not None
        first_id = write_past(server, events)
        # The first reader loads code and buffers that the others share.
        open_streams(server, 1, undo)
        without = settled_memory(server, scale)
        progress(f"{idle:,} idle streams")
        open_streams(server, idle, undo)
        with_idle = settled_memory(server, scale)
        progress(f"{slow:,} slow readers")
        undo.enter_context(
            frozen_readers(f"http://127.0.0.1:{server.port}", SYMBOL, slow, first_id)
        )
        with_slow = settled_memory(server, scale)
    return OpenStreams(
        idle, slow, without, (with_idle - without) / idle, (with_slow - with_idle) / slow
    ).rows()


def write_past(server: Server, events: MarketEvents) -> str:
    """Write all events; return the id of the first event."""
    for begin in range(0, len(events.updates), MAX_AT_ONCE):
        server.publisher.publish(events.updates[begin : begin + MAX_AT_ONCE])
    with Redis(unix_socket_path=str(server.redis_socket)) as redis:
        ((event_id, _),) = redis.xrange(events_key(SYMBOL), count=1)
    return str(event_id.decode())
