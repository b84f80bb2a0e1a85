"""Streams of books of several venues: wildcards, watermarks, and venues that come later."""

from __future__ import annotations

import pytest

from api.delivery.cursor import Cursor
from api.delivery.stream_start import StreamRequest
from kraken_book.access_keys import permitted_symbols
from kraken_book.selection import Selection, parse_selection
from lab.waiting import async_wait_until
from lab.written_books import snapshot, update
from tests.api.replica import EPOCH, Message, Replica, Written, messages

KRAKEN, BINANCE, COINBASE = "BTC/USD", "binance:BTC/USDT", "coinbase:BTC/USD"


def request(
    *names: str,
    wildcards: str | None = None,
    event_id: str | None = None,
    visible: Selection | None = None,
) -> StreamRequest:
    chosen = None if wildcards is None else parse_selection(wildcards).normalized()
    return StreamRequest(names, None, True, event_id, visible, wildcards=chosen)


class Reader:
    """A reader of a stream."""

    def __init__(self, cursor: Cursor, opening: bytes) -> None:
        self.cursor = cursor
        self.got: list[Message] = _events(opening)

    @classmethod
    async def of(cls, replica: Replica, asked: StreamRequest) -> Reader:
        return cls(*await replica.starter.start(asked))

    @property
    def seen(self) -> list[tuple[str, str, int | None]]:
        return [(each["symbol"], each["kind"], each.get("seq")) for each in self.got]

    @property
    def last_id(self) -> str:
        return [each.id for each in self.got if each.id][-1]

    async def until(self, *wanted: tuple[str, str, int]) -> None:
        """Read until these events came."""

        async def came() -> bool:
            while data := await self.cursor.next():
                self.got += _events(data)
            return {*wanted} <= {*self.seen}

        await async_wait_until(came, f"{wanted} in {self.seen}")


def _events(data: bytes) -> list[Message]:
    blocks = [block for block in data.split(b"\n\n")[:-1] if not block.startswith(b":")]
    return messages(b"".join(block + b"\n\n" for block in blocks))


async def write(written: Written, *symbols: str) -> None:
    for symbol in symbols:
        await written.symbol(symbol)
        await written.book(EPOCH, snapshot(1), symbol=symbol)


async def test_stream_of_a_book_follows_the_wake_of_its_venue(
    written: Written, replica: Replica
) -> None:
    await write(written, KRAKEN, BINANCE)
    async with replica.following():
        asked = StreamRequest((BINANCE,), None, False, None)
        reader = await Reader.of(replica, asked)
        await reader.until((BINANCE, "snapshot", 1))
        await written.book(EPOCH, update(2), symbol=BINANCE)
        await written.book(EPOCH, update(2), symbol=KRAKEN)
        await reader.until((BINANCE, "update", 2))
        assert {symbol for symbol, _, _ in reader.seen} == {BINANCE}
        reader.cursor.close()


@pytest.mark.parametrize(
    ("wildcards", "symbols"),
    [
        ("*:BTC/USD", {KRAKEN, COINBASE}),
        ("binance:*", {BINANCE}),
        ("*/USD", {KRAKEN}),
        ("*,!binance:*", {KRAKEN, COINBASE}),
        ("*:*/USDT,coinbase:*", {BINANCE, COINBASE}),
    ],
)
async def test_wildcards_select_books_of_venues(
    written: Written, replica: Replica, wildcards: str, symbols: set[str]
) -> None:
    await write(written, KRAKEN, BINANCE, COINBASE)
    async with replica.following():
        reader = await Reader.of(replica, request(wildcards=wildcards))
        await reader.until(*((symbol, "snapshot", 1) for symbol in symbols))
        assert {symbol for symbol, _, _ in reader.seen} == symbols
        reader.cursor.close()


async def test_wildcard_includes_a_venue_that_comes_later(
    written: Written, replica: Replica
) -> None:
    await write(written, KRAKEN)
    async with replica.following():
        reader = await Reader.of(replica, request(wildcards="*:BTC/*"))
        await reader.until((KRAKEN, "snapshot", 1))
        await write(written, BINANCE)
        await reader.until((BINANCE, "snapshot", 1))
        await written.book(EPOCH, update(2), symbol=BINANCE)
        await reader.until((BINANCE, "update", 2))
        reader.cursor.close()


async def test_names_beside_wildcards_are_resolved(written: Written, replica: Replica) -> None:
    await write(written, KRAKEN, BINANCE, COINBASE)
    async with replica.following():
        reader = await Reader.of(replica, request("BINANCE:btc-usdt", wildcards="coinbase:*"))
        await reader.until((BINANCE, "snapshot", 1), (COINBASE, "snapshot", 1))
        assert KRAKEN not in {symbol for symbol, _, _ in reader.seen}
        reader.cursor.close()


async def test_wildcard_shows_only_what_the_reader_may_see(
    written: Written, replica: Replica
) -> None:
    await write(written, KRAKEN, BINANCE, COINBASE)
    async with replica.following():
        visible = permitted_symbols("coinbase:*")
        reader = await Reader.of(replica, request(wildcards="*:BTC/*", visible=visible))
        await reader.until((COINBASE, "snapshot", 1))
        assert {symbol for symbol, _, _ in reader.seen} == {COINBASE}
        reader.cursor.close()


async def test_watermark_of_several_venues_resumes_each_without_loss(
    written: Written, replica: Replica
) -> None:
    await write(written, KRAKEN, BINANCE)
    async with replica.following():
        reader = await Reader.of(replica, request(KRAKEN, BINANCE))
        await reader.until((KRAKEN, "snapshot", 1), (BINANCE, "snapshot", 1))
        await written.book(EPOCH, update(2), symbol=KRAKEN)
        await written.book(EPOCH, update(2), symbol=BINANCE)
        await reader.until((KRAKEN, "update", 2), (BINANCE, "update", 2))
        watermark = reader.last_id
        reader.cursor.close()
        for seq in (3, 4):
            await written.book(EPOCH, update(seq), symbol=BINANCE)
        await written.book(EPOCH, update(3), symbol=KRAKEN)
        again = await Reader.of(replica, request(KRAKEN, BINANCE, event_id=watermark))
        await again.until((BINANCE, "update", 3), (BINANCE, "update", 4), (KRAKEN, "update", 3))
        assert "lagged" not in {kind for _, kind, _ in again.seen}
        again.cursor.close()


async def test_silent_venue_does_not_hold_back_the_watermark(
    written: Written, replica: Replica
) -> None:
    await write(written, KRAKEN, BINANCE)
    async with replica.following():
        reader = await Reader.of(replica, request(KRAKEN, BINANCE))
        await reader.until((KRAKEN, "snapshot", 1), (BINANCE, "snapshot", 1))
        before = int(reader.last_id)
        seq = 1

        async def moved() -> bool:
            nonlocal seq
            seq += 1
            await written.book(EPOCH, update(seq), symbol=KRAKEN)
            await reader.until((KRAKEN, "update", seq))
            return int(reader.last_id) > before

        await async_wait_until(moved, "the watermark moves while Binance is silent")
        reader.cursor.close()


async def test_corrupt_wake_of_one_venue_delays_no_other(
    written: Written, replica: Replica
) -> None:
    await write(written, KRAKEN, BINANCE)
    await written.redis.delete("binance:wake")
    await written.redis.set("binance:wake", "x")
    async with replica.following():
        reader = await Reader.of(replica, request(KRAKEN, BINANCE))
        await reader.until((KRAKEN, "snapshot", 1), (BINANCE, "snapshot", 1))
        await written.book(EPOCH, update(2), symbol=BINANCE, wake=False)
        await written.book(EPOCH, update(2), symbol=KRAKEN)
        await reader.until((KRAKEN, "update", 2), (BINANCE, "update", 2))
        reader.cursor.close()


async def test_books_of_a_venue_that_is_not_listed_are_followed_by_name(
    written: Written, replica: Replica
) -> None:
    await write(written, KRAKEN, BINANCE)
    await written.redis.delete("kraken-book:venues", "binance:symbols")
    async with replica.following():
        reader = await Reader.of(replica, StreamRequest((BINANCE,), None, False, None))
        await reader.until((BINANCE, "snapshot", 1))
        await written.book(EPOCH, update(2), symbol=BINANCE)
        await reader.until((BINANCE, "update", 2))
        reader.cursor.close()
