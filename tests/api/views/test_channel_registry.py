"""Streams of many books: their symbols, the events for readers, and their memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from api.delivery.cursor import Cursor
from api.follow.buffer import MAX_BYTES
from api.store.errors import ApiError, NoRoom
from api.views.channel_registry import Choice
from api.views.view import View
from kraken_book.contract.keys import SYMBOLS, book_key, events_key
from lab.waiting import async_wait_until
from lab.written_books import snapshot, status, update, updates
from runtime.redis.exchange import RedisNode
from tests.api.replica import Message, Replica, Written, messages

RAW, TOP, FIVE = None, View(0), View(5, 0.01)
VIEWS = pytest.mark.parametrize("cut", [RAW, TOP, FIVE])
Spoil = Callable[[RedisNode], Awaitable[None]]


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


async def test_resumed_reader_gets_lagged_for_a_book_unknown_to_the_replica(
    redis: RedisNode, written: Written, replica: Replica
) -> None:
    await two_books(written)
    await written.book(1, update(3))
    watermark = (await written.ids())[1].partition("-")[0]
    async with replica.following():
        await redis.delete(SYMBOLS)
        await written.symbol("ETH/USD")
        # This replica does not know BTC/USD.
        async with read_all(replica, RAW, watermark) as back:
            await written.symbol("BTC/USD")
            lagged = await back.until_status("BTC/USD", "lagged", "unknown")
            assert lagged["missed"] is None
            await back.until_seq("BTC/USD", 3)


@pytest.mark.parametrize("is_other_replica", [False, True])
async def test_reader_that_resumes_while_a_symbol_is_refused_gets_its_events(
    redis: RedisNode, written: Written, replica: Replica, *, is_other_replica: bool
) -> None:
    await two_books(written)
    async with AsyncExitStack() as replicas:
        await replicas.enter_async_context(replica.following())
        stays = await replicas.enter_async_context(read_all(replica))
        await stays.until_seq("BTC/USD", 2)
        watermark = (await written.ids("ETH/USD"))[-1].partition("-")[0]
        await clock_is_after(replica, int(watermark))
        await written.status(1, status(3))
        await written.symbol("BTC/USD", "refused", "Trading is paused")
        await stays.until_status("BTC/USD", "syncing", "Trading is paused")
        if is_other_replica:
            replica = Replica(redis)
            await replicas.enter_async_context(replica.following())
        async with read_all(replica, RAW, watermark) as back:
            await back.until_seq("BTC/USD", 3)
            async with read_all(replica) as late:
                await late.until_seq("ETH/USD", 2)
                assert late.of("BTC/USD") == []
            await written.status(1, status(4))
            await written.book(1, snapshot(5))
            await written.symbol("BTC/USD")
            for reader in (back, stays):
                await reader.until_status("BTC/USD", "live", None)
                seqs = [message["seq"] for message in reader.of("BTC/USD")]
                assert [seq for seq in seqs if seq] == [*range(2 + (reader is back), 6), 5]
                assert "lagged" not in {message["kind"] for message in reader.got}


async def test_watermark_passes_no_event_of_a_symbol_before_it_is_in_the_log(
    written: Written, replica: Replica
) -> None:
    await two_books(written)
    choice = Choice(None, RAW, is_many=True)
    async with replica.following():
        channel = await replica.channels.join(choice)
        await written.symbol("SOL/USD")
        await written.book(1, snapshot(1), symbol="SOL/USD")
        (event_id,) = await written.ids("SOL/USD")
        written_at = int(event_id.partition("-")[0])

        def has_joined() -> bool:
            member = channel.members.get("SOL/USD")
            is_in_log = member is not None and member.has_begun
            assert is_in_log or channel.watermark < written_at
            return is_in_log and channel.watermark > written_at

        await async_wait_until(has_joined, "SOL/USD has joined")
        replica.channels.leave(choice, channel)


@pytest.mark.parametrize("symbols", [None, ("BTC/USD", "SOL/USD")])
async def test_symbol_without_a_book_does_not_hold_the_watermark_back(
    written: Written, replica: Replica, symbols: tuple[str, ...] | None
) -> None:
    await two_books(written)
    await written.symbol("SOL/USD", "refused", "Currency pair not supported")
    choice = Choice(symbols, RAW, is_many=True)
    async with replica.following():
        channel = await replica.channels.join(choice)
        assert channel.members["SOL/USD"].followed.book is None
        begun = channel.watermark
        await async_wait_until(lambda: channel.watermark > begun, "it moves")
        replica.channels.leave(choice, channel)


async def test_resumed_reader_gets_stale_of_a_stale_book(redis: RedisNode) -> None:
    written, replica = Written(redis), Replica(redis, max_age=5.0)
    await written.book(1, snapshot(1), age=60.0)
    await written.symbol("BTC/USD")
    async with replica.following(), read_all(replica) as other:
        await other.until_status("BTC/USD", "stale", "age")
        async with read_all(replica, RAW, str(await replica.reads.time())) as back:
            await back.until_status("BTC/USD", "stale", "age")


@pytest.mark.parametrize("max_bytes", [MAX_BYTES, 100_000])
@pytest.mark.parametrize("has_other", [True, False])
async def test_resumed_reader_gets_every_later_event_from_memory_or_redis(
    redis: RedisNode, written: Written, max_bytes: int, *, has_other: bool
) -> None:
    replica = Replica(redis, max_bytes=max_bytes)
    await written.book(1, snapshot(1), update(2))
    await written.symbol("BTC/USD")
    watermark = int((await written.ids())[-1].partition("-")[0])

    await clock_is_after(replica, watermark)
    async with replica.following(), AsyncExitStack() as others:
        if has_other:
            other = await others.enter_async_context(read_all(replica))
            await other.until_seq("BTC/USD", 2)
        for first in range(3, 603, 100):
            await written.book(1, *updates(first, first + 99))
        async with read_all(replica, RAW, str(watermark)) as back:
            await back.until_seq("BTC/USD", 602)
            assert [message.get("seq") for message in back.got] == list(range(3, 603))


async def test_many_views_use_little_memory_and_free_it(written: Written, replica: Replica) -> None:
    await two_books(written)
    views = 10
    async with replica.following():
        cursors = []
        for levels in range(1, views + 1):
            choice = Choice(None, View(levels), is_many=True)
            cursors.append(await replica.starter.channel_cursor(choice))
            await cursors[-1].open()
        seq = 2

        async def all_have_shown_more_than_they_keep() -> bool:
            nonlocal seq
            await written.book(1, *updates(seq + 1, seq + 5))
            seq += 5
            return all(cursor.log.events_from(20, 0) is None for cursor in cursors)

        await async_wait_until(all_have_shown_more_than_they_keep, "the logs are full")
        assert replica.buffer.bytes < views * 40_000
        slow = Many(cursors[0])
        await slow.until_seq("BTC/USD", seq)
        assert [m["reason"] for m in slow.got if m["kind"] == "lagged"] == ["slow"] * 2
        for cursor in cursors:
            cursor.close()
        assert (replica.buffer.bytes, replica.buffer.floors) == (0, 0)


async def test_view_without_room_is_refused_and_others_continue(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis, max_bytes=200_000)
    await two_books(written)
    async with replica.following(), read_all(replica) as many:
        await many.until_seq("BTC/USD", 2)
        refused = None
        for levels in range(1, 100):
            try:
                await replica.channels.join(Choice(None, View(levels), is_many=True))
            except NoRoom as error:
                refused = error
                break
        assert refused is not None
        assert (refused.is_passing, refused.code) == (True, "no-room")
        assert "API_BUFFER_MB" in refused.detail
        await written.book(1, *updates(3, 9))
        await many.until_seq("BTC/USD", 9)
        assert not [m for m in many.got if m["kind"] == "lagged"]


async def test_lagged_reader_opens_again_when_there_is_room(
    redis: RedisNode, written: Written
) -> None:
    replica = Replica(redis, max_bytes=200_000)
    await two_books(written)
    async with replica.following(), read_all(replica, TOP) as many:
        await many.until_seq("BTC/USD", 2)
        await async_wait_until(lambda: not replica.buffer.pinned, "the first opening is freed")
        replica.buffer.pin(100_000)
        seq = 2

        async def has_shown_more_than_it_keeps() -> bool:
            nonlocal seq
            await written.book(1, *updates(seq + 1, seq + 5))
            seq += 5
            return many.cursor.log.events_from(20, 0) is None

        await async_wait_until(has_shown_more_than_it_keeps, "the log is full")
        await many.until_status("BTC/USD", "lagged", "slow")
        assert many.of("BTC/USD")[-1]["kind"] == "lagged", "there is no room for more"
        replica.buffer.unpin(100_000)
        await written.book(1, update(seq + 1))
        await many.until_seq("BTC/USD", seq + 1)
