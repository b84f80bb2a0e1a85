"""A replica of the api without its sockets, over a Redis that the real script writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from starlette.routing import BaseRoute

from api.app import Api
from api.delivery.cursor import Cursor
from api.follow.buffer import MAX_BYTES
from api.follow.ring import Ring
from api.http.routes import make_routes, ops_routes
from kraken_book.contract.keys import VENUES, events_key, symbols_key, wake_key
from kraken_book.contract.symbol_state import (
    SymbolState,
    SymbolStatus,
    encode_symbol_state,
)
from kraken_book.contract.write import WriteCall, touch_book
from kraken_book.symbols import KRAKEN, pair_of, venue_of
from kraken_book.timestamps import rfc3339
from lab.redis_reads import carry_out, entries_at
from lab.waiting import async_wait_until
from lab.written_books import KEPT, Event, book_call, status_call
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from runtime.service import end_tasks

# The epoch of a collector, in the form of a lease's.
EPOCH = 1785638131660
# A busy machine does not make a book older than this; tests of stale books use 60 s.
MAX_AGE = 30.0
# Shorter than by default, so that tests are quick.
UPDATE_SECONDS, GONE_AFTER = 0.05, 0.3
# Few, so that a reader soon falls behind.
VIEW_BYTES = 20_000


class Written:
    """Writes to Redis as a collector does."""

    def __init__(self, redis: RedisNode) -> None:
        self.redis = redis

    async def call(self, call: WriteCall, *, wake: bool = True) -> None:
        await carry_out(self.redis, call)
        if wake:
            await self.redis.xadd(wake_key(venue_of(call.symbol)), {"s": pair_of(call.symbol)})

    async def book(
        self,
        epoch: int,
        *events: Event,
        symbol: str = "BTC/USD",
        age: float = 0.0,
        wake: bool = True,
    ) -> None:
        """Write events and their book, confirmed `age` seconds ago."""
        confirmed_at = await self.ago(age)
        call = book_call(epoch, events, symbol=symbol, confirmed_at=confirmed_at)
        await self.call(call, wake=wake)

    async def status(self, epoch: int, *events: Event, symbol: str = "BTC/USD") -> None:
        await self.call(status_call(epoch, events, symbol=symbol))

    async def touch(self, epoch: int, seq: int, age: float = 0.0) -> None:
        await self.call(touch_book("BTC/USD", epoch, await self.ago(age), KEPT, seq), wake=False)

    async def symbol(
        self,
        symbol: str,
        status: SymbolStatus = "live",
        reason: str | None = None,
        source: str = "simulated",
    ) -> None:
        """Write the state of a symbol to its venue's list."""
        state = SymbolState(status, reason, source, "0/1", 10, 1, 8, proof="checksum")
        venue, pair = venue_of(symbol), pair_of(symbol)
        await self.redis.hset(symbols_key(venue), pair, encode_symbol_state(state))
        if venue != KRAKEN:
            await self.redis.sadd(VENUES, venue)

    async def ago(self, seconds: float) -> str:
        now, microseconds = await self.redis.time()
        return rfc3339((now * 10**6 + microseconds) * 1000 - int(seconds * 10**9))

    async def ids(self, symbol: str = "BTC/USD") -> list[str]:
        return [entry[0].decode() for entry in await entries_at(self.redis, events_key(symbol))]

    async def trim(self, keep: int, symbol: str = "BTC/USD") -> None:
        await self.redis.xtrim(events_key(symbol), maxlen=keep, approximate=False)


class Replica(Api):
    """An api without its sockets, over one Redis or the given `nodes`."""

    def __init__(
        self,
        redis: RedisNode,
        max_age: float = MAX_AGE,
        max_bytes: int = MAX_BYTES,
        gone_after: float = GONE_AFTER,
        nodes: OneNode | None = None,
        **limits: Any,
    ) -> None:
        super().__init__(
            nodes or OneNode(redis),
            max_age=max_age,
            buffer_bytes=max_bytes,
            write_timeout=30.0,
            update_interval=UPDATE_SECONDS,
            gone_after=gone_after,
            view_bytes=VIEW_BYTES,
            check_interval=UPDATE_SECONDS,
            **limits,
        )

    @property
    def routes(self) -> list[BaseRoute]:
        """Return the routes of the app."""
        routes = make_routes(
            self.store,
            self.directory,
            self.history,
            self.starter,
            self.streams,
            self.best,
            MAX_AGE,
        )
        return [*routes, *ops_routes(self.store, self.streams)]

    def cursor(self, symbol: str = "BTC/USD") -> Cursor:
        return self.starter.book_cursor(symbol)

    def ring(self, symbol: str = "BTC/USD") -> Ring:
        """Return the ring of a followed symbol."""
        (ring,) = [each for each in self.registry.rings if each.symbol == symbol]
        return ring

    @asynccontextmanager
    async def following(self) -> AsyncIterator[Replica]:
        """Follow Redis within the context."""
        running = [asyncio.create_task(loop) for loop in self.loops()]
        try:
            yield self
            assert not any(task.done() for task in running), "a loop ended"
        finally:
            await end_tasks(running)

    @asynccontextmanager
    async def reading(self, symbol: str = "BTC/USD") -> AsyncIterator[Cursor]:
        """Follow Redis within the context, with an open cursor."""
        async with self.following():
            cursor = self.cursor(symbol)
            await cursor.open()
            yield cursor

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=cast("Any", self.app), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://replica")


class Message(dict[str, Any]):
    """An event as its reader got it; `id` is None if it had none."""

    id: str | None = None

    @property
    def short(self) -> tuple[str, int | None]:
        return self["kind"], self.get("seq")


def messages(data: bytes) -> list[Message]:
    """Return the events in SSE data; it may have no other fields than `id` and `data`."""
    assert data == b"" or data.endswith(b"\n\n")
    found = []
    for block in data.split(b"\n\n")[:-1]:
        lines = dict(line.split(b": ", 1) for line in block.split(b"\n"))
        assert set(lines) <= {b"id", b"data"}
        message = Message(json.loads(lines[b"data"]))
        message.id = lines[b"id"].decode() if b"id" in lines else None
        found.append(message)
    return found


def shorts(data: bytes) -> list[tuple[str, int | None]]:
    return [message.short for message in messages(data)]


async def received(cursor: Cursor, count: int) -> list[Message]:
    """Return the next `count` messages of `cursor`."""
    got: list[Message] = []

    async def more() -> bool:
        got.extend(messages(await cursor.next()))
        return len(got) >= count

    await async_wait_until(more, f"{count} messages, but {len(got)}")
    assert len(got) == count, short(got)
    return got


def short(found: list[Message]) -> list[tuple[str, int | None]]:
    return [message.short for message in found]
