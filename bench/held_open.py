"""What a stream that is held open costs the memory of an api: idle, and of one who does not read.

    python -m bench.held_open

One process of the api and one book, which stands still. 10,000 readers open a stream and hear
nothing; then 1,000 more ask for the book's last 6,000 events and take none of what they are sent.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic, sleep

from redis import Redis

from bench import servers
from bench.benchmark import Progress, share_of
from bench.command import command_line, run
from bench.goals import IDLE_STREAM, SLOW_STREAM
from bench.market_events import SYMBOL, MarketEvents, market_events
from bench.publishers import MOST_AT_ONCE
from bench.rows import Row
from bench.servers import Server
from kraken_book.contract.keys import events_key
from lab.crowd import frozen_readers, stream_request

IDLE = 10_000
SLOW = 1_000
PAST_EVENTS = 6_000
# Memory that has not grown for so long does not grow.
STILL_SECONDS = 1.5
LIMIT_SECONDS = 30.0
JOIN_SECONDS = 60.0


@dataclass(frozen=True)
class HeldOpen:
    """The api's memory without readers and what each of them adds to it, in bytes."""

    idle_readers: int
    slow_readers: int
    without: int
    idle: float
    slow: float

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield f"an api without readers: {self.without / 1e6:.1f} MB"
        yield f"  {self.idle_readers:,} idle streams: {self.idle / 1e3:.1f} kB each"
        yield f"  {self.slow_readers:,} who do not read: {self.slow / 1e3:.1f} kB each"

    def rows(self) -> Iterator[Row]:
        """What a reader costs."""
        idle, slow = self.idle / 1e3, self.slow / 1e3
        what = f"each of {self.idle_readers:,} idle streams"
        yield Row(what=what, ours=idle, unit="kB", goal=IDLE_STREAM)
        what = f"each of {self.slow_readers:,} who do not read"
        yield Row(what=what, ours=slow, unit="kB", goal=SLOW_STREAM)


def measure(scale: float, progress: Progress) -> HeldOpen:
    """Measure with this share of the readers."""
    idle, slow = share_of(IDLE, scale), share_of(SLOW, scale)
    progress.expect(3)
    progress("an api without readers")
    events = market_events(PAST_EVENTS)
    with servers.api(events) as server, ExitStack() as undo:
        assert server.memory is not None
        first_id = write_past(server, events)
        # What the first reader of all brings in is no reader's.
        hold_open(server, 1, undo)
        without = still(server, scale)
        progress(f"{idle:,} idle streams")
        hold_open(server, idle, undo)
        with_idle = still(server, scale)
        progress(f"{slow:,} who do not read")
        undo.enter_context(
            frozen_readers(f"http://127.0.0.1:{server.port}", SYMBOL, slow, first_id)
        )
        with_slow = still(server, scale)
    return HeldOpen(
        idle, slow, without, (with_idle - without) / idle, (with_slow - with_idle) / slow
    )


def write_past(server: Server, events: MarketEvents) -> str:
    """Write all events; the id of the first."""
    for begin in range(0, len(events.updates), MOST_AT_ONCE):
        server.publisher.publish(events.updates[begin : begin + MOST_AT_ONCE])
    with Redis(unix_socket_path=str(server.redis_socket)) as redis:
        ((event_id, _),) = redis.xrange(events_key(SYMBOL), count=1)
    return str(event_id.decode())


def hold_open(server: Server, count: int, undo: ExitStack) -> None:
    """So many readers who have had the snapshot."""
    readers = []
    for _ in range(count):
        reader = undo.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        reader.settimeout(JOIN_SECONDS)
        reader.sendall(stream_request(SYMBOL))
        readers.append(reader)
    for reader in readers:
        had = b""
        while b'"conflated"' not in had:
            more = reader.recv(65536)
            assert more, f"a stream ended after {had!r}"
            had += more


def still(server: Server, scale: float) -> int:
    """The api's memory, once it no longer grows."""
    assert server.memory is not None
    most, deadline = 0, monotonic() + LIMIT_SECONDS
    since, wait = monotonic(), max(0.3, STILL_SECONDS * min(1.0, scale))
    while monotonic() < min(deadline, since + wait):
        now = server.memory()
        if now > most:
            most, since = now, monotonic()
        sleep(0.05)
    return most


if __name__ == "__main__":
    sys.exit(run(measure, command_line(__doc__)))
