"""Streams of many books while symbols come, go, are refused or lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from api.store.errors import ApiError
from api.views.view import View
from kraken_book.contract.keys import SYMBOLS, book_key, events_key
from lab.waiting import async_wait_until
from lab.written_books import snapshot, status, update, updates
from runtime.redis.exchange import RedisNode
from tests.api.replica import Replica, Written
from tests.api.views.many import FIVE, RAW, TOP, read_all, two_books

VIEWS = pytest.mark.parametrize("cut", [RAW, TOP, FIVE])
Spoil = Callable[[RedisNode], Awaitable[None]]


async def delete_list(redis: RedisNode) -> None:
    await redis.delete(SYMBOLS)


async def delete_one(redis: RedisNode) -> None:
    await redis.hdel(SYMBOLS, "BTC/USD")


async def spoil_one(redis: RedisNode) -> None:
    await redis.hset(SYMBOLS, "BTC/USD", "{")


async def spoil_list(redis: RedisNode) -> None:
    await redis.delete(SYMBOLS)
    await redis.set(SYMBOLS, "no hash")


async def empty_list(redis: RedisNode) -> None:
    await redis.delete(SYMBOLS)
    await redis.hset(SYMBOLS, "SOL/USD", "{")


async def ask_for_one(redis: RedisNode) -> None:
    await Written(redis).symbol("BTC/USD", "asked")


async def list_is_read_without_it(replica: Replica) -> bool:
    try:
        states = await replica.directory.states()
    except ApiError:
        return True
    state = states.get("BTC/USD")
    return state is None or not state.acknowledged


@VIEWS
@pytest.mark.parametrize(
    "spoil", [delete_list, delete_one, spoil_one, spoil_list, empty_list, ask_for_one]
)
async def test_books_in_redis_continue_without_their_list_entry(
    redis: RedisNode, written: Written, spoil: Spoil, cut: View | None
) -> None:
    # A symbol without list entry and book leaves at once.
    replica = Replica(redis, gone_after=0.0)
    await two_books(written)
    async with replica.following(), read_all(replica, cut) as many:
        await many.until_seq("BTC/USD", 2)
        await spoil(redis)
        await async_wait_until(lambda: list_is_read_without_it(replica), "the list is read")
        with suppress(ApiError):
            await replica.roster.update()
        async with read_all(replica, cut) as late:
            for reader in (many, late):
                await reader.until_seq("BTC/USD", 2)
            await written.book(1, *updates(3, 6))
            for reader in (many, late):
                await reader.until_seq("BTC/USD", 6)
                kinds = {message["kind"] for message in reader.of("BTC/USD")}
                assert kinds <= {"snapshot", "update"}, reader.got
        if cut is RAW:
            assert [m["seq"] for m in many.of("BTC/USD")] == [2, 3, 4, 5, 6]


@VIEWS
async def test_refused_symbol_gets_a_status_and_returns_without_a_gap(
    written: Written, replica: Replica, cut: View | None
) -> None:
    await two_books(written)
    async with replica.following(), read_all(replica, cut) as many:
        await many.until_seq("BTC/USD", 2)
        await written.symbol("BTC/USD", "refused", "not listed")
        await many.until_status("BTC/USD", "syncing", "not listed")
        await async_wait_until(lambda: "BTC/USD" in replica.roster.left, "it has left")
        await written.book(1, *updates(3, 9))
        await written.symbol("BTC/USD")
        await many.until_status("BTC/USD", "live", None)
        *_, book, live = many.of("BTC/USD")
        assert (book["kind"], book["seq"], live["kind"]) == ("snapshot", 9, "status")
        assert "lagged" not in {message["kind"] for message in many.got}
        if cut is RAW:
            seqs = [message["seq"] for message in many.of("BTC/USD")]
            assert seqs == [2, None, *range(3, 10), 9, None]
        assert [m["kind"] for m in many.of("ETH/USD")] == ["snapshot"]


@VIEWS
async def test_symbol_without_book_and_list_entry_leaves_with_a_status(
    redis: RedisNode, written: Written, replica: Replica, cut: View | None
) -> None:
    await two_books(written)
    async with replica.following(), read_all(replica, cut) as many:
        await many.until_seq("BTC/USD", 2)
        await redis.delete(book_key("BTC/USD"), events_key("BTC/USD"))
        await redis.hdel(SYMBOLS, "BTC/USD")
        await many.until_status("BTC/USD", "syncing", "not listed")
        assert list(replica.roster.symbols) == ["ETH/USD"]
        async with read_all(replica, cut) as late:
            await late.until_seq("ETH/USD", 2)
            assert late.of("BTC/USD") == []
        async with read_all(replica, cut, watermark="1") as back:
            await back.until_status("BTC/USD", "syncing", "not listed")


@VIEWS
async def test_lost_book_gets_a_status_before_it_returns(
    redis: RedisNode, written: Written, replica: Replica, cut: View | None
) -> None:
    await two_books(written)
    async with replica.following(), read_all(replica, cut) as many:
        await many.until_seq("BTC/USD", 2)
        # An older stream replaces the one that was read, without a book.
        await redis.delete(book_key("BTC/USD"), events_key("BTC/USD"))
        await written.status(2, status(1))
        await many.until_status("BTC/USD", "syncing", "no book yet")
        await written.book(2, snapshot(5))
        await many.until_status("BTC/USD", "lagged", "redis")
        await many.until_seq("BTC/USD", 5)


@VIEWS
async def test_reader_of_a_stale_book_is_told_that_it_is_live_after_redis_went_back(
    redis: RedisNode, written: Written, replica: Replica, cut: View | None
) -> None:
    await written.book(1, snapshot(1), update(2), age=60.0)
    await written.symbol("BTC/USD")
    async with replica.following(), read_all(replica, cut) as many:
        await many.until_status("BTC/USD", "stale", "age")
        await redis.delete(book_key("BTC/USD"), events_key("BTC/USD"))
        await written.book(2, snapshot(1))
        await many.until_status("BTC/USD", "lagged", "redis")

        async def is_told() -> bool:
            # Repeatedly, so that the book stays young on a slow machine.
            await written.touch(2, 1)
            await many.read_ready()
            lagged = [m["kind"] for m in many.of("BTC/USD")].index("lagged")
            statuses = [m["status"] for m in many.of("BTC/USD")[lagged:] if m["kind"] == "status"]
            return statuses[-1:] == ["live"]

        await async_wait_until(is_told, "the book is live")
