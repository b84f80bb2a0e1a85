"""What people see of a collector in Redis: `kraken:feed`, and no leftovers of earlier settings."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Mapping
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from collector.books import SymbolBook
from collector.feed import Feed
from collector.lease import Lease
from collector.metrics import LIVE, REFUSED
from collector.settings import Shard
from collector.stamp import stamp_now
from kraken_book.redis_contract.keys import FEED, SYMBOLS, book_key, events_key
from kraken_book.times import rfc3339
from service.logs import get_logger

log = get_logger(__name__)

REPORT_SECONDS = 1.0


class Reporter:
    """Writes the shard's field of `kraken:feed` while it leads."""

    def __init__(
        self,
        redis: Redis,
        shard: Shard,
        feed: Feed,
        lease: Lease,
        books: Mapping[str, SymbolBook],
    ) -> None:
        self._redis = redis
        self._shard = shard
        self._feed = feed
        self._lease = lease
        self._books = books
        self._cleared_epoch: int | None = None

    def describe(self) -> dict[str, object]:
        """How this collector stands, for /healthz and `kraken:feed`."""
        statuses = Counter(book.status for book in self._books.values())
        LIVE.set(statuses["live"])
        REFUSED.set(statuses["refused"])
        return {
            "leader": {"host": socket.gethostname(), "pid": os.getpid()},
            "epoch": self._lease.epoch,
            "at": rfc3339(stamp_now().unix),
            "symbols": dict(statuses),
            "connections": [connection.describe() for connection in self._feed.connections],
        }

    async def run(self) -> None:
        """Report every second, for ever."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            report = msgspec.json.encode(self.describe())
            if self._lease.epoch is None:
                continue
            try:
                await self._redis.hset(FEED, str(self._shard), report)
                await self._clear_leftovers()
            except (RedisError, OSError) as error:
                # The publisher says that Redis is away; a report is only for people.
                log.debug("no report", error=str(error))

    async def _clear_leftovers(self) -> None:
        """Remove, once an epoch, the symbols of this shard that are configured no more."""
        if self._cleared_epoch == self._lease.epoch:
            return
        names = [
            cast("bytes", name).decode(errors="replace")
            for name in await self._redis.hkeys(SYMBOLS)
        ]
        gone = [name for name in names if self._shard.has(name) and name not in self._books]
        for symbol in gone:
            log.info("symbol is configured no more, removing its book", symbol=symbol)
            await self._redis.unlink(book_key(symbol), events_key(symbol))
            await self._redis.hdel(SYMBOLS, symbol)
        self._cleared_epoch = self._lease.epoch
