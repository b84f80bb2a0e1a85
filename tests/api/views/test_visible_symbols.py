"""Streams of `*` for readers that may see only some symbols."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.views.channel_registry import Choice
from api.views.view import View
from kraken_book.access_keys import permitted_symbols
from kraken_book.contract.keys import SYMBOLS, book_key, events_key
from lab.waiting import async_wait_until
from lab.written_books import snapshot, update
from runtime.redis.exchange import RedisNode
from tests.api.replica import Replica, Written, messages

VIEWS = pytest.mark.parametrize("view", [None, View(0)], ids=["events", "top"])


class Reader:
    """A reader of all symbols that it may see."""

    def __init__(self, replica: Replica, symbols: str, view: View | None) -> None:
        self._replica = replica
        self._choice = Choice(None, view, is_many=True, visible=permitted_symbols(symbols))
        self.got: list[tuple[str, str]] = []

    @asynccontextmanager
    async def reading(self, watermark: str | None = None) -> AsyncIterator[Reader]:
        self.cursor = await self._replica.starter.channel_cursor(self._choice)
        try:
            await (self.cursor.open() if watermark is None else self.cursor.resume(watermark))
            yield self
        finally:
            self.cursor.close()

    async def until(self, symbol: str, kind: str) -> None:
        """Read until there was such an event."""

        async def found() -> bool:
            while data := await self.cursor.next():
                self.got += [(each["symbol"], each["kind"]) for each in messages(data)]
            return (symbol, kind) in self.got

        await async_wait_until(found, f"{symbol} {kind} in {self.got}")

    @property
    def symbols(self) -> set[str]:
        return {symbol for symbol, _ in self.got}


async def write(written: Written, *symbols: str) -> None:
    for symbol in symbols:
        await written.book(1, snapshot(1), update(2), symbol=symbol)
        await written.symbol(symbol)


async def remove(redis: RedisNode, symbol: str) -> None:
    await redis.delete(book_key(symbol), events_key(symbol))
    await redis.hdel(SYMBOLS, symbol)


@VIEWS
async def test_symbols_that_join_and_leave_are_told_to_those_who_may_see_them(
    redis: RedisNode, written: Written, replica: Replica, view: View | None
) -> None:
    await write(written, "BTC/USD", "ETH/USD")
    btc, eth = Reader(replica, "BTC/*", view), Reader(replica, "*,!BTC/*", view)
    async with replica.following(), btc.reading(), eth.reading():
        await btc.until("BTC/USD", "snapshot")
        await eth.until("ETH/USD", "snapshot")
        await write(written, "BTC/EUR", "ETH/EUR")
        await btc.until("BTC/EUR", "snapshot")
        await eth.until("ETH/EUR", "snapshot")
        for symbol in ("BTC/EUR", "ETH/EUR"):
            await remove(redis, symbol)
        await btc.until("BTC/EUR", "status")
        await eth.until("ETH/EUR", "status")
        assert btc.symbols == {"BTC/USD", "BTC/EUR"}
        assert eth.symbols == {"ETH/USD", "ETH/EUR"}
        # A reader that returns receives the departures of permitted symbols only.
        back = Reader(replica, "BTC/*", view)
        async with back.reading(watermark="1"):
            await back.until("BTC/EUR", "status")
            await back.until("BTC/USD", "snapshot")
        assert back.symbols == {"BTC/USD", "BTC/EUR"}


async def test_readers_with_equal_permissions_share_a_channel(
    written: Written, replica: Replica
) -> None:
    await write(written, "BTC/USD", "ETH/USD")
    first, second = Reader(replica, "BTC/*,eth/usd", None), Reader(replica, "ETH/USD,XBT/*", None)
    other = Reader(replica, "BTC/*", None)
    async with replica.following(), first.reading(), second.reading(), other.reading():
        assert first.cursor.log is second.cursor.log
        assert first.cursor.log is not other.cursor.log
