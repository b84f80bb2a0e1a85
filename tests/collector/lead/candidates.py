"""Collectors, as far as their leases are concerned."""

from __future__ import annotations

import asyncio

from collector.feed.link import FeedLoad
from collector.lead.lease import Lease
from collector.publish.leadership import Leadership
from collector.publish.publisher import Publisher
from collector.settings import Shard
from lab.waiting import cancel
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.collector.publish.boxes import KEPT


class CountingPublisher(Publisher):
    """Publishes no books, and keeps the epochs that it led under."""

    def __init__(self, redis: RedisNode, shard: Shard) -> None:
        super().__init__(OneNode(redis), KEPT, str(shard), Leadership(), FeedLoad())
        self.led: list[int] = []
        self.followed = 0

    def lead(self, epoch: int) -> None:
        super().lead(epoch)
        self.led.append(epoch)

    def follow(self) -> None:
        super().follow()
        self.followed += 1


class Candidate:
    """A collector that runs for the lease of its shard."""

    def __init__(self, redis: RedisNode, seconds: float, shard: Shard) -> None:
        self.shard = shard
        self._publisher = CountingPublisher(redis, shard)
        self.lease = Lease(OneNode(redis), shard, seconds, self._publisher)
        self._task = asyncio.create_task(self.lease.run())

    @property
    def led(self) -> list[int]:
        """Every epoch that it led under."""
        return self._publisher.led

    @property
    def followed(self) -> int:
        """How often it stopped leading because another leads."""
        return self._publisher.followed

    @property
    def epoch(self) -> int | None:
        """The epoch that it leads under; None if it does not lead."""
        return self._publisher.leadership.epoch

    @property
    def leads(self) -> bool:
        """Whether it leads."""
        return self._publisher.leadership.is_leading

    @property
    def waits_for(self) -> str | None:
        """The shard whose leader it waits for."""
        return self.lease.waits_for["shard"] if self.lease.waits_for else None

    def fence(self, epoch: int) -> None:
        """A writer learns that a newer epoch has written."""
        self._publisher.leadership.fence(epoch)

    async def end(self) -> None:
        """Die."""
        await cancel(self._task)

    async def stop(self) -> None:
        """Stop as a collector does that is asked to."""
        await self.end()
        await self.lease.release()


class Candidates:
    """Collectors that a test started, each to be ended with it."""

    def __init__(self, redis: RedisNode) -> None:
        self.redis = redis
        self.all: list[Candidate] = []

    def start(self, seconds: float, shard: Shard) -> Candidate:
        """Start one more."""
        self.all.append(Candidate(self.redis, seconds, shard))
        return self.all[-1]

    async def end(self) -> None:
        """Have all of them die."""
        for candidate in self.all:
            await candidate.end()
