"""Send prepared updates as fast as a reader takes them; runs as a separate process.

    python -m bench.load.flood --symbols 20 --updates 100000

It speaks Kraken's v2, and v1 for a peer. When it listens it prints its addresses and updates as a
line of JSON (`Serving`). Each line of its standard input names a protocol. It then sends all
updates to the subscribers of that protocol, and prints the time of the first one (`Begun`). It ends
when its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import uvloop

from bench.load.kraken_v1 import KrakenV1, frame_of
from bench.load.tape import Rate, Tape
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs
from simulator.market.catalogue import CATALOGUE
from simulator.protocol.feed import FeedSubscriber
from simulator.server import Simulator

# The frames of one connection among so many updates go in one write.
UPDATES_A_WRITE = 100
UPDATES_A_SECOND = 1000.0
# The peer is slower: a third of the updates takes it about as long.
V1_SHARE = 3

Frames = Sequence[tuple[str, bytes]]
"""Frames with their symbols, packed for a socket."""


class FloodFeed(msgspec.Struct):
    """The address of one protocol, and the number of updates of each symbol."""

    url: str
    updates: dict[str, int]

    @property
    def total(self) -> int:
        """The updates of all symbols."""
        return sum(self.updates.values())


class Serving(msgspec.Struct):
    """The two feeds; `checksums` has the last checksum of each symbol in v2."""

    v2: FloodFeed
    v1: FloodFeed
    checksums: dict[str, int]
    frame_bytes: float


class Begun(msgspec.Struct):
    """The time at which the first update was sent, by time.monotonic."""

    at: float


class Flood(Tape):
    """A tape that plays as fast as its readers take it.

    The exchange time advances by a second in a thousand updates, which is slower than they are
    sent. So updates that wait in the sockets of a busy machine do not count as lag.
    """

    def __init__(self, symbols: Sequence[str], updates: int) -> None:
        super().__init__(symbols, [Rate(UPDATES_A_SECOND, updates / UPDATES_A_SECOND)])
        self.started_at = time.time()
        self.v2: Frames = [(symbol, frame) for _, symbol, frame in self.stamped()]
        first = self.v2[: len(self.v2) // V1_SHARE]
        self.v1: Frames = [(symbol, frame_of(frame)) for symbol, frame in first]

    async def run(self) -> None:
        """Wait forever; `send` sends the updates."""
        await asyncio.Future()

    def snapshot_v1(self, symbol: str) -> bytes:
        """Return a symbol's first frame in v1."""
        return frame_of(next(self.frames(symbol)))

    def serving(self, v2_url: str, v1_url: str) -> Serving:
        """Return a description of both feeds at these addresses."""
        return Serving(
            v2=FloodFeed(v2_url, _counted(self.v2)),
            v1=FloodFeed(v1_url, _counted(self.v1)),
            checksums=self.books,
            frame_bytes=sum(len(frame) for _, frame in self.v2) / len(self.v2),
        )


def symbols_of(count: int) -> list[str]:
    """Return `count` symbols: those of the catalogue, then invented ones."""
    made_up = [f"C{number:04d}/USD" for number in range(count)]
    return [*CATALOGUE, *made_up][:count]


def _counted(frames: Frames) -> dict[str, int]:
    return dict(Counter(symbol for symbol, _ in frames))


async def send(frames: Frames, subscribers: Mapping[str, FeedSubscriber]) -> None:
    """Send all frames in their order; wait for each connection to take the ones before.

    Every symbol must have a subscriber.
    """
    writes = list(_writes(frames, subscribers))
    say(Begun(time.monotonic()))
    for subscriber, joined in writes:
        subscriber.push(joined)
        # Pushed frames are written in the next turn of the loop.
        await asyncio.sleep(0)
        await subscriber.drained()


def _writes(
    frames: Frames, subscribers: Mapping[str, FeedSubscriber]
) -> Iterator[tuple[FeedSubscriber, bytes]]:
    for first in range(0, len(frames), UPDATES_A_WRITE):
        parts: dict[FeedSubscriber, list[bytes]] = defaultdict(list)
        for symbol, frame in frames[first : first + UPDATES_A_WRITE]:
            parts[subscribers[symbol]].append(frame)
        for subscriber, together in parts.items():
            yield subscriber, b"".join(together)


def say(message: msgspec.Struct) -> None:
    """Print a message as a line of JSON, for the process that started this one."""
    print(msgspec.json.encode(message).decode(), flush=True)


async def serve(flood: Flood) -> None:
    """Serve until the standard input ends."""
    asked = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(asked), sys.stdin
    )
    async with Simulator(flood) as v2, KrakenV1(flood.snapshot_v1) as v1:
        say(flood.serving(v2.url, v1.url))
        async for line in asked:
            if line.strip() == b"v1":
                await send(flood.v1, v1.subscribers)
            else:
                await send(flood.v2, flood.subscribers)


def main() -> None:
    """Prepare the updates and serve them."""
    parser = argparse.ArgumentParser(description="A feed as fast as its reader.")
    parser.add_argument("--symbols", type=int, default=1)
    parser.add_argument("--updates", type=int, default=10_000)
    options = parser.parse_args()
    # Standard output carries messages to the parent process, line by line.
    configure_logs(parse_levels("critical"))
    logging.disable()
    uvloop.run(serve(Flood(symbols_of(options.symbols), options.updates)))


if __name__ == "__main__":
    main()
