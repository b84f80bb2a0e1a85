"""Send prepared updates as fast as a reader takes them; runs as a separate process.

    python -m bench.load.flood --symbols 20 --updates 40000

It speaks Kraken's v2, and v1 for a peer. When it listens it prints its addresses and updates as a
line of JSON (`Serving`). Each line of its standard input names a protocol, and how many rounds of
the updates to send (`v2 10`). It then sends them to the subscribers of that protocol, and prints
the time of the first one (`Begun`). It ends when its standard input ends.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import uvloop

from bench.load.kraken_v1 import KrakenV1, frame_of
from bench.load.tape import Rate, Tape, frame_at, head_of
from runtime.command_line import ENDED_OR_FAILED, OneLineParser
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs
from simulator.market.catalogue import CATALOGUE, profile_of
from simulator.market.instrument import Level
from simulator.market.market import Market
from simulator.market.subscriber import FeedSubscriber
from simulator.protocols.kraken.protocol import SimulatedKraken
from simulator.server import Simulator

# The frames of one connection among so many updates go in one write.
UPDATES_A_WRITE = 100
UPDATES_A_SECOND = 1000.0
# The peer that speaks v1 is slower: a third of the updates takes it about as long.
V1_SHARE = 3
_SEED = 1

Frames = Sequence[tuple[str, bytes]]
"""Frames with their symbols, packed for a socket."""


class FloodFeed(msgspec.Struct):
    """The address of one protocol, and the updates of each symbol.

    `updates` are those of one round. Between two rounds, each symbol of `returns` has one more
    update, which makes its book the first one again.
    """

    url: str
    updates: dict[str, int]
    returns: list[str] = []

    def sent(self, rounds: int) -> dict[str, int]:
        """Return the number of updates of each symbol in so many rounds."""
        counts = Counter({symbol: count * rounds for symbol, count in self.updates.items()})
        counts.update(dict.fromkeys(self.returns, rounds - 1))
        return dict(counts)


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
    """A tape that plays as fast as its readers take it, and again and again.

    It takes 50 us to prepare an update, ten times as long as a reader needs for one. So a run sends
    the same updates in several rounds. Between two of them, one update of each symbol makes its
    book the first one again.

    The exchange time advances by a second in a thousand updates, which is slower than they are
    sent. So updates that wait in the sockets of a busy machine do not count as lag.

    Deletions come first in a frame, and each price once: a peer truncates its book after each
    level, not after each frame, so it would drop a level for which a later deletion makes room.
    """

    def __init__(self, symbols: Sequence[str], updates: int) -> None:
        super().__init__(symbols, [Rate(UPDATES_A_SECOND, updates / UPDATES_A_SECOND)], seed=_SEED)
        self._round = [(symbol, head) for _, symbol, head in self.updates]
        self._returns = [
            (symbol, head) for symbol in symbols if (head := self._return_of(symbol)) is not None
        ]
        first = self._round[: len(self._round) // V1_SHARE]
        self.v1: Frames = [(symbol, frame_of(frame_at(0, head))) for symbol, head in first]

    async def run(self) -> None:
        """Wait forever; `send` sends the updates."""
        await asyncio.Future()

    def v2(self, rounds: int) -> Iterator[tuple[str, bytes]]:
        """Yield the frames of so many rounds, with exchange times from now on."""
        now, step = time.time_ns() // 1000, int(1e6 / UPDATES_A_SECOND)
        for number in range(rounds):
            for symbol, head in [*self._returns, *self._round] if number else self._round:
                yield symbol, frame_at(now, head)
                now += step

    def snapshot_v1(self, symbol: str) -> bytes:
        """Return a symbol's first frame in v1."""
        return frame_of(next(self.frames(symbol)))

    def serving(self, v2_url: str, v1_url: str) -> Serving:
        """Return a description of both feeds at these addresses."""
        returns = [symbol for symbol, _ in self._returns]
        return Serving(
            v2=FloodFeed(v2_url, _counted(self._round), returns),
            v1=FloodFeed(v1_url, _counted(self.v1)),
            checksums=self.books,
            frame_bytes=sum(len(frame) for _, frame in self.v2(1)) / len(self._round),
        )

    def _levels(self, changed: list[Level]) -> list[Level]:
        return sorted(dict(changed).items(), key=lambda level: level[1] != 0)

    def _return_of(self, symbol: str) -> bytes | None:
        """Return the update from the last book to the first one; None if they are the same."""
        last, first = self._markets[symbol], Market(profile_of(symbol), _SEED)
        depth = self.depth
        bids = _difference(last.bids.top(depth), first.bids.top(depth))
        asks = _difference(last.asks.top(depth), first.asks.top(depth))
        return head_of("update", first, bids, asks) if bids or asks else None


def _difference(before: Sequence[Level], after: Sequence[Level]) -> list[Level]:
    """Return the changes that make one window of a side the other, deletions first."""
    held, wanted = dict(before), dict(after)
    gone = [(price, 0) for price in held if price not in wanted]
    return gone + [(price, lots) for price, lots in after if held.get(price) != lots]


def symbols_of(count: int) -> list[str]:
    """Return `count` symbols: those of the catalogue, then invented ones."""
    made_up = [f"C{number:04d}/USD" for number in range(count)]
    return [*CATALOGUE, *made_up][:count]


def _counted(frames: Iterable[tuple[str, bytes]]) -> dict[str, int]:
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
    async with Simulator(SimulatedKraken(flood)) as v2, KrakenV1(flood.snapshot_v1) as v1:
        say(flood.serving(v2.url, v1.url))
        async for line in asked:
            protocol, rounds = line.split()
            if protocol == b"v1":
                await send(flood.v1, v1.subscribers)
            else:
                await send(list(flood.v2(int(rounds))), flood.subscribers)


def main() -> None:
    """Prepare the updates and serve them."""
    parser = OneLineParser(
        "python -m bench.load.flood",
        "Sends prepared updates as fast as a reader takes them, for a suite that starts it.",
        ENDED_OR_FAILED,
    )
    parser.add_argument("--symbols", type=int, default=1, help="number of symbols (1)")
    parser.add_argument("--updates", type=int, default=10_000, help="those of one round (10000)")
    options = parser.parse_args()
    # Standard output carries messages to the parent process, line by line.
    configure_logs(parse_levels("critical"))
    logging.disable()
    uvloop.run(serve(Flood(symbols_of(options.symbols), options.updates)))


if __name__ == "__main__":
    main()
