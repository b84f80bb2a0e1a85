"""A simulator in this process; its markets move only on request."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from lab.waiting import async_wait_until
from simulator.faults.text import parse_fault
from simulator.injector import FaultInjector
from simulator.protocols.kraken.feed import SimulatedFeed
from simulator.protocols.kraken.protocol import KrakenExchange, SimulatedKraken
from simulator.protocols.venue import SimulatedVenue
from simulator.server import Simulator
from tests.simulator.helpers import (
    DEADLINE,
    NaiveBook,
    exchange,
    is_book,
    parse,
    read_until,
    send,
    subscribe,
)

_numbers = itertools.count(1)


class Stage:
    """A running simulator of BTC/USD and MINA/GBP."""

    def __init__(self, feed: SimulatedFeed, protocol: SimulatedVenue, simulator: Simulator) -> None:
        self.feed = feed
        self.simulator = simulator
        self.injector = FaultInjector(simulator, protocol)
        self.url = simulator.url

    def do(self, text: str) -> None:
        """Apply a fault in the form of `--fault`."""
        name, _, query = text.partition("?")
        self.injector.inject(parse_fault(name, query))

    @property
    def exchange(self) -> KrakenExchange:
        assert isinstance(self.feed, KrakenExchange)
        return self.feed

    def move(self, times: int = 1, symbol: str = "BTC/USD") -> None:
        """Make moves until this number of them has changed the best ten levels."""
        listing = self.exchange.listing(symbol)
        wanted = listing.update_counts()[10] + times
        for _ in range(10_000):
            self.exchange.move(symbol)
            if listing.update_counts()[10] == wanted:
                return
        raise AssertionError(f"{symbol} does not move")

    def try_to_move(self, symbol: str = "BTC/USD") -> None:
        """Make some moves, which need not change the best ten levels."""
        for _ in range(20):
            self.exchange.move(symbol)

    async def asked(self, count: int) -> None:
        """Wait until the simulator has answered this number of requests."""
        await async_wait_until(lambda: len(self.simulator.request_log.entries) >= count)
        # A send queue writes in the next iteration of the event loop.
        await asyncio.sleep(0)

    def client(self) -> connect:
        """Return a connection that buffers all frames without limit."""
        return connect(self.url, max_size=None, max_queue=None)

    async def feed_is_right(self, symbol: str = "BTC/USD") -> bool:
        """Return True if a new client gets a snapshot and ten updates with right checksums."""
        async with self.follower(symbol) as (client, book):
            self.move(10, symbol)
            for text in books(await answered(client)):
                book.apply(text)
        return True

    @asynccontextmanager
    async def follower(
        self, symbol: str = "BTC/USD", depth: int = 10
    ) -> AsyncIterator[tuple[ClientConnection, NaiveBook]]:
        """Connect a client that has its snapshot; yield it and its book."""
        async with self.client() as client:
            yield client, await subscribed(client, symbol, depth)


@asynccontextmanager
async def staged(rate: float = 0.0) -> AsyncIterator[Stage]:
    feed = exchange("BTC/USD", "MINA/GBP", rate=rate)
    protocol = SimulatedKraken(feed)
    async with Simulator(protocol) as simulator:
        yield Stage(feed, protocol, simulator)


async def subscribed(
    client: ClientConnection, symbol: str = "BTC/USD", depth: int = 10
) -> NaiveBook:
    """Subscribe, check the checksum of the snapshot, and return its book."""
    await subscribe(client, symbol, depth=depth)
    book = NaiveBook(depth)
    book.apply((await read_until(client, lambda frame: is_book(frame, "snapshot")))[-1])
    return book


async def answered(client: ClientConnection) -> list[str | bytes]:
    """Ping, and return the frames before the answer, without heartbeats."""
    number = next(_numbers)
    await send(client, method="ping", req_id=number)
    frames: list[str | bytes] = []
    async with asyncio.timeout(DEADLINE):
        while True:
            frame = await client.recv()
            if isinstance(frame, str) and frame.startswith(f'{{"method":"pong","req_id":{number},'):
                return [frame for frame in frames if frame != '{"channel":"heartbeat"}']
            frames.append(frame)


def books(frames: Sequence[str | bytes]) -> list[str]:
    """Return the book frames among `frames`."""
    return [frame for frame in frames if isinstance(frame, str) and '"channel":"book"' in frame]


async def ended(client: ClientConnection) -> ConnectionClosed:
    """Wait until the connection ends; return its end."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await client.recv()
            except ConnectionClosed as closed:
                return closed


def fails(book: NaiveBook, text: str) -> bool:
    """Apply a frame to a book; return whether that makes the book wrong."""
    try:
        book.apply(text)
    except AssertionError:
        return True
    return False


async def instruments(client: ClientConnection) -> list[str]:
    """Follow the instruments; return the listed symbols."""
    await send(client, method="subscribe", params={"channel": "instrument"})
    texts = await read_until(client, lambda frame: frame.get("channel") == "instrument")
    return [pair["symbol"] for pair in parse(texts[-1])["data"]["pairs"]]


def told_of_pair(frames: Sequence[str | bytes]) -> dict[str, Any]:
    """Return the only pair of the only instrument update among `frames`."""
    (frame,) = (json.loads(item) for item in frames if '"channel":"instrument"' in str(item))
    assert frame["type"] == "update"
    (pair,) = frame["data"]["pairs"]
    assert isinstance(pair, dict)
    return pair
