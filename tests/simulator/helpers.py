"""A naive client of Kraken for the simulator's tests; it shares no code with the product."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from websockets.asyncio.client import ClientConnection

from simulator.market.catalogue import CATALOGUE
from simulator.protocols.kraken.protocol import KrakenExchange

DEADLINE = 60.0
HOUR = "seconds=3600"
"""The parameter of a fault that lasts longer than the test."""


def exchange(*symbols: str, seed: int = 1, rate: float = 100.0, updates: int = 0) -> KrakenExchange:
    return KrakenExchange(
        [CATALOGUE[symbol] for symbol in symbols], seed=seed, rate=rate, updates=updates
    )


class Inbox:
    """A subscriber that keeps all frames as texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._arrived = asyncio.Event()

    def push(self, packed: bytes) -> None:
        self.texts.append(unpack(packed))
        self._arrived.set()

    async def filled(self, count: int) -> None:
        """Wait for this number of texts; fail after the deadline."""
        async with asyncio.timeout(DEADLINE):
            while len(self.texts) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def drained(self) -> None:
        await asyncio.sleep(0)

    def take(self) -> list[str]:
        taken, self.texts = self.texts, []
        return taken


def unpack(packed: bytes) -> str:
    """Return the text of an unmasked final text frame, by RFC 6455."""
    assert packed[0] == 0x81
    length, start = packed[1], 2
    if length == 126:
        length, start = int.from_bytes(packed[2:4], "big"), 4
    elif length == 127:
        length, start = int.from_bytes(packed[2:10], "big"), 10
    assert len(packed) == start + length
    return packed[start:].decode()


def parse(text: str | bytes) -> Any:
    """Return decoded JSON in which numbers with a decimal point remain texts."""
    return json.loads(text, parse_float=str)


def timestamp(text: str) -> str:
    """Return the timestamp of a book frame."""
    return str(parse(text)["data"][0]["timestamp"])


class NaiveBook:
    """A client's book, which applies all levels of a frame, sorts all levels, and truncates."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.bids: dict[Decimal, tuple[str, str]] = {}
        self.asks: dict[Decimal, tuple[str, str]] = {}

    def apply(self, text: str | bytes) -> None:
        """Apply a frame; fail if its checksum is wrong or the book is crossed."""
        frame = parse(text)
        (entry,) = frame["data"]
        if frame["type"] == "snapshot":
            self.bids, self.asks = {}, {}
        for side, levels in ((self.bids, entry["bids"]), (self.asks, entry["asks"])):
            for level in levels:
                price, qty = str(level["price"]), str(level["qty"])
                side[Decimal(price)] = (price, qty)
                if not Decimal(qty):
                    del side[Decimal(price)]
        self.bids = dict(sorted(self.bids.items(), reverse=True)[: self.depth])
        self.asks = dict(sorted(self.asks.items())[: self.depth])
        assert text_checksum(self.asks.values(), self.bids.values()) == entry["checksum"], text
        if self.bids and self.asks:
            assert max(self.bids) < min(self.asks), text


def text_checksum(asks: Iterable[tuple[str, str]], bids: Iterable[tuple[str, str]]) -> int:
    """Return Kraken's checksum of decimal texts, by the words of its guide."""
    tokens = [
        number.replace(".", "").lstrip("0")
        for levels in (list(asks)[:10], list(bids)[:10])
        for level in levels
        for number in level
    ]
    return zlib.crc32("".join(tokens).encode())


async def send(client: ClientConnection, **request: object) -> None:
    await client.send(json.dumps(request))


async def subscribe(client: ClientConnection, *symbols: str, **params: object) -> None:
    await send(client, method="subscribe", params={"channel": "book", "symbol": symbols, **params})


async def read_until(client: ClientConnection, wanted: Callable[[Any], bool]) -> list[str]:
    """Return the frames up to the first wanted one, inclusive; fail after the deadline."""
    texts: list[str] = []
    async with asyncio.timeout(DEADLINE):
        while not texts or not wanted(parse(texts[-1])):
            text = await client.recv()
            assert isinstance(text, str)
            texts.append(text)
    return texts


def is_book(frame: Any, kind: str = "update") -> bool:
    return bool(frame.get("channel") == "book" and frame["type"] == kind)
