"""A reader of many books, and two books for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from api.delivery.cursor import Cursor
from api.views.channel_registry import Choice
from api.views.view import View
from lab.waiting import async_wait_until
from lab.written_books import snapshot, update
from tests.api.replica import Message, Replica, Written, messages

RAW, TOP, FIVE = None, View(0), View(5, 0.01)


class Many:
    """A reader of `*`, with all events that it got."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.got: list[Message] = []

    def of(self, symbol: str) -> list[Message]:
        return [message for message in self.got if message["symbol"] == symbol]

    async def read_ready(self) -> None:
        """Read all events that are ready."""
        while data := await self.cursor.next():
            self.got += messages(data)

    async def until(self, holds: Callable[[], object], what: str) -> None:
        async def read_and_check() -> object:
            await self.read_ready()
            return holds()

        await async_wait_until(read_and_check, f"{what} in {self.got}")

    async def until_seq(self, symbol: str, seq: int) -> None:
        def has_seq() -> bool:
            return any((m.get("seq") or 0) >= seq for m in self.of(symbol))

        await self.until(has_seq, f"{symbol} at {seq}")

    async def until_status(self, symbol: str, word: str, reason: str | None) -> Message:
        def found() -> list[Message]:
            return [
                message
                for message in self.of(symbol)
                if message.get("status", message["kind"]) == word and message["reason"] == reason
            ]

        await self.until(found, f"{symbol} {word} {reason}")
        return found()[-1]


@asynccontextmanager
async def read_all(
    replica: Replica, cut: View | None = RAW, watermark: str | None = None
) -> AsyncIterator[Many]:
    cursor = await replica.starter.channel_cursor(Choice(None, cut, is_many=True))
    try:
        await (cursor.open() if watermark is None else cursor.resume(watermark))
        yield Many(cursor)
    finally:
        cursor.close()


async def clock_is_after(replica: Replica, milliseconds: int) -> None:
    """Return when Redis's clock is later, so that the next event is too."""

    async def is_later() -> bool:
        return await replica.reads.time() > milliseconds

    await async_wait_until(is_later, "a later millisecond")


async def two_books(written: Written) -> None:
    for symbol in ("BTC/USD", "ETH/USD"):
        await written.book(1, snapshot(1), update(2), symbol=symbol)
        await written.symbol(symbol)
