"""A publisher of boxes, and readers of the keys that it writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from collector.feed.link import FeedLoad, Link
from collector.feed.room import Room
from collector.feed.timestamp import timestamp_now
from collector.publish.leadership import Leadership
from collector.publish.publisher import Publisher
from collector.publish.tuning import Tuning
from kraken_book.contract.keys import SYMBOLS, WAKE, book_key, events_key
from lab.redis_reads import entries_at, texts_at
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.publish.boxes import RETENTION, Box

EPOCH = 100
# Retries are quick, and states are not repeated during a test.
QUICK_RETRIES = Tuning(retry_delay=0.01, states_interval=3600.0)


class Publishing:
    """A publisher of boxes, and readers of the keys that it writes."""

    def __init__(self, redis: RedisNode, *symbols: str, tuning: Tuning = QUICK_RETRIES) -> None:
        self.redis = redis
        self.link = Link()
        self.link.last_frame_at = timestamp_now()
        load = FeedLoad()
        load.add(self.link)
        self.room = Room()
        self.leadership = Leadership()
        self.publisher = Publisher(
            OneNode(redis), RETENTION, "0/1", self.leadership, load, self.room, tuning=tuning
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
        """Make all books live, and publish them."""
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


class LossyRedis(RedisNode):
    """A Redis that carries out calls and can lose the answers.

    Attributes:
        to_lose: Number of next answers to lose.
        sent: The calls of the write script, by exchange.
    """

    to_lose = 0
    sent: list[list[Any]]

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Return the replies, or raise an error if they are to be lost."""
        self.sent.append([command for command in commands if command[0] == "EVALSHA"])
        replies = await super().exchange(commands)
        if self.to_lose:
            self.to_lose -= 1
            raise RedisConnectionError("the answer was lost")
        return replies
