"""A publisher of boxes on a real Redis, and what it left there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from collector.feed.link import FeedLoad, Link
from collector.feed.timestamp import timestamp_now
from collector.publish.leadership import Leadership
from collector.publish.publisher import Publisher
from collector.publish.tuning import Tuning
from kraken_book.contract.keys import SYMBOLS, WAKE, book_key, events_key
from lab.redis_reads import entries_at, texts_at
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.publish.boxes import KEPT, Box

EPOCH = 100
# What Redis did not do is tried again at once; states are not written again while a test runs.
UNHURRIED = Tuning(retry_delay=0.01, states_interval=3600.0)


class Publishing:
    """A publisher of boxes, and what it left in Redis."""

    def __init__(self, redis: RedisNode, *symbols: str, tuning: Tuning = UNHURRIED) -> None:
        self.redis = redis
        self.link = Link()
        self.link.last_frame_at = timestamp_now()
        load = FeedLoad()
        load.add(self.link)
        self.leadership = Leadership()
        self.publisher = Publisher(
            OneNode(redis), KEPT, "0/1", self.leadership, load, tuning=tuning
        )
        self.boxes = {symbol: self._box(symbol) for symbol in symbols or ("BTC/USD",)}

    def _box(self, symbol: str) -> Box:
        box = Box(symbol, link=self.link)
        box.writer = self.publisher.add(box.book)
        return box

    @property
    def box(self) -> Box:
        return self.boxes["BTC/USD"]

    async def flush(self) -> None:
        await asyncio.wait_for(self.publisher.flush(), 20)

    async def lead(self, epoch: int = EPOCH) -> None:
        """Live books, published."""
        for box in self.boxes.values():
            box.snapshot()
        self.publisher.lead(epoch)
        await self.flush()

    async def events(self, symbol: str = "BTC/USD") -> list[dict[str, Any]]:
        entries = await entries_at(self.redis, events_key(symbol))
        return [json.loads(fields[b"data"]) for _, fields in entries]

    async def seqs(self, symbol: str = "BTC/USD") -> list[int]:
        return [event["seq"] for event in await self.events(symbol)]

    async def hash(self, symbol: str = "BTC/USD") -> dict[str, str]:
        return await texts_at(self.redis, book_key(symbol))

    async def wakes(self) -> list[str]:
        return [fields[b"s"].decode() for _, fields in await entries_at(self.redis, WAKE)]

    async def states(self) -> dict[str, Any]:
        states = await texts_at(self.redis, SYMBOLS)
        return {name: json.loads(data) for name, data in states.items()}


class LosesAnswers(RedisNode):
    """A real Redis whose answers are lost, on demand, after it has carried out the calls."""

    to_lose = 0
    sent: list[list[Any]]

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, unless they are lost."""
        self.sent.append([command for command in commands if command[0] == "EVALSHA"])
        replies = await super().exchange(commands)
        if self.to_lose:
            self.to_lose -= 1
            raise RedisConnectionError("the answer was lost")
        return replies
