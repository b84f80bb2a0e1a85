"""What a stream that is held open costs the memory of an api: idle, and of one who does not read.

    python -m bench.held_open

One process of the api and one book, which stands still. 10,000 readers open a stream and hear
nothing; then 1,000 more ask for the book's last 6,000 events and take none of what they are sent.
It ends with 1 where a reader costs more than its goal.
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic, sleep

from redis import Redis

from bench import servers
from bench.market_events import SYMBOL, MarketEvents, market_events
from bench.publishers import MOST_AT_ONCE
from bench.servers import Server
from bench.side_by_side import Progress
from kraken_book.redis_contract.keys import events_key
from service.http_server import allow_open_files
from service.logs import configure_logs, parse_levels
from tests.e2e.crowd import frozen_readers, stream_request

IDLE = 10_000
SLOW = 1_000
PAST_EVENTS = 6_000
GOAL_IDLE = 40_000
GOAL_SLOW = 160_000
"""Bytes of the api's memory for each."""
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

    @property
    def is_good(self) -> bool:
        """Whether both are within their goals."""
        return self.idle < GOAL_IDLE and self.slow < GOAL_SLOW

    def lines(self) -> Iterator[str]:
        """The figures for people."""
        yield f"an api without readers: {self.without / 1e6:.1f} MB"
        yield (
            f"  {self.idle_readers:,} idle streams: {self.idle / 1e3:.1f} kB each"
            f" (goal: under {GOAL_IDLE / 1e3:.0f})"
        )
        yield (
            f"  {self.slow_readers:,} who do not read: {self.slow / 1e3:.1f} kB each"
            f" (goal: under {GOAL_SLOW / 1e3:.0f})"
        )


def measure(scale: float, progress: Progress) -> HeldOpen:
    """Measure with this share of the readers."""
    idle, slow = max(1, int(IDLE * scale)), max(1, int(SLOW * scale))
    events = market_events(PAST_EVENTS)
    with servers.api(events) as server, ExitStack() as undo:
        assert server.memory is not None
        first_id = write_past(server, events)
        # What the first reader of all brings in is no reader's.
        hold_open(server, 1, undo)
        without = still(server)
        progress(f"{idle:,} idle streams")
        hold_open(server, idle, undo)
        with_idle = still(server)
        progress(f"{slow:,} who do not read")
        undo.enter_context(
            frozen_readers(f"http://127.0.0.1:{server.port}", SYMBOL, slow, first_id)
        )
        with_slow = still(server)
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


def still(server: Server) -> int:
    """The api's memory, once it no longer grows."""
    assert server.memory is not None
    most, deadline = 0, monotonic() + LIMIT_SECONDS
    since = monotonic()
    while monotonic() < min(deadline, since + STILL_SECONDS):
        now = server.memory()
        if now > most:
            most, since = now, monotonic()
        sleep(0.05)
    return most


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description="What an open stream costs.")
    parser.add_argument("--scale", type=float, default=1.0, help="of the readers")
    options = parser.parse_args()
    configure_logs(parse_levels("warning"))
    allow_open_files()
    found = measure(options.scale, lambda what: print(what, file=sys.stderr, flush=True))
    for line in found.lines():
        print(line)
    return int(not found.is_good)


if __name__ == "__main__":
    sys.exit(main())
