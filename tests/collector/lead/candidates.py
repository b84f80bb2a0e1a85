"""Collectors without books, for tests of leases."""

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
from tests.collector.publish.boxes import RETENTION


class CountingPublisher(Publisher):
    """A publisher without books that records the epochs under which it led."""

    def __init__(self, redis: RedisNode, shard: Shard) -> None:
        super().__init__(OneNode(redis), RETENTION, str(shard), Leadership(), FeedLoad())
        self.led: list[int] = []
        self.followed = 0

    def lead(self, epoch: int) -> None:
        super().lead(epoch)
        self.led.append(epoch)

    def follow(self) -> None:
        super().follow()
        self.followed += 1


class Candidate:
    """A collector that asks for the lease of its shard."""

    def __init__(self, redis: RedisNode, seconds: float, shard: Shard) -> None:
        self.shard = shard
        self._publisher = CountingPublisher(redis, shard)
        self.lease = Lease(OneNode(redis), shard, seconds, self._publisher)
        self._task = asyncio.create_task(self.lease.run())

    @property
    def led(self) -> list[int]:
        """All epochs under which the candidate led."""
        return self._publisher.led

    @property
    def followed(self) -> int:
        """Number of times that the candidate stopped leading."""
        return self._publisher.followed

    @property
    def epoch(self) -> int | None:
        """The current epoch; None if the candidate does not lead."""
        return self._publisher.leadership.epoch

    @property
    def leads(self) -> bool:
        """Whether the candidate leads."""
        return self._publisher.leadership.is_leading

    @property
    def waits_for(self) -> str | None:
        """The shard of the leader that the candidate waits for."""
        return self.lease.waits_for["shard"] if self.lease.waits_for else None

    def fence(self, epoch: int) -> None:
        """Fence the candidate by a newer epoch."""
        self._publisher.leadership.fence(epoch)

    async def end(self) -> None:
        """End without releasing the lease, as after a crash."""
        await cancel(self._task)

    async def stop(self) -> None:
        """End and release the lease, as after SIGTERM."""
        await self.end()
        await self.lease.release()


class Candidates:
    """Collectors that end with their test."""

    def __init__(self, redis: RedisNode) -> None:
        self.redis = redis
        self.all: list[Candidate] = []

    def start(self, seconds: float, shard: Shard) -> Candidate:
        """Start a collector."""
        self.all.append(Candidate(self.redis, seconds, shard))
        return self.all[-1]

    async def end(self) -> None:
        """End all collectors."""
        for candidate in self.all:
            await candidate.end()
