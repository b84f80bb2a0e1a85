"""Streams that cannot start yet open nevertheless, wait, and continue."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from api.delivery.stream_start import StreamRequest, WaitingReader, may_wait_for
from api.store.errors import ApiError, NoRoom, NoSuchSymbol, TooManyChoices
from api.views.view import View
from kraken_book.contract.keys import SYMBOLS
from lab.waiting import async_wait_until
from lab.written_books import snapshot, update, updates
from runtime.redis.client import connect_redis
from tests.api.replica import EPOCH, Message, Replica, Written, messages

NO_LIMIT = 1e6


def request(*names: str, event_id: str | None = None, view: View | None = None) -> StreamRequest:
    return StreamRequest(names or None, view, len(names) != 1, event_id)


async def refusal(replica: Replica, asked: StreamRequest) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await replica.starter.start(asked)
    return caught.value


async def received(reader: WaitingReader[StreamRequest], count: int) -> list[Message]:
    got: list[Message] = []

    async def more() -> bool:
        got.extend(each for each in messages(without_comments(await reader.next())))
        return len(got) >= count

    await async_wait_until(more, f"{count} messages, but {got}")
    assert len(got) == count
    return got


def without_comments(data: bytes) -> bytes:
    blocks = [block for block in data.split(b"\n\n")[:-1] if not block.startswith(b":")]
    return b"".join(block + b"\n\n" for block in blocks)


async def test_new_stream_waits_for_the_list_and_opens_with_the_book(
    written: Written, replica: Replica
) -> None:
    async with replica.following():
        asked = request("btc-usd")
        error = await refusal(replica, asked)
        assert may_wait_for(error, asked)
        reader = WaitingReader(replica.starter, asked, NO_LIMIT)
        said = reader.wait_for(error)
        assert said.startswith(b": waiting: no-symbols\n\n")
        (status,) = messages(without_comments(said))
        assert (status["symbol"], status["status"], status["reason"], status["seq"]) == (
            *("BTC/USD", "syncing", "no-symbols"),
            None,
        )
        assert await reader.next() == b""
        await written.symbol("BTC/USD")
        await written.book(EPOCH, snapshot(1))
        live, book = await received(reader, 2)
        assert (live["status"], live["seq"], live.id) == ("live", None, None)
        assert book.short == ("snapshot", 1)
        await written.book(EPOCH, update(2))
        assert [message.short for message in await received(reader, 1)] == [("update", 2)]
        reader.close()


async def test_resumed_stream_continues_without_snapshot_after_the_wait(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 4))
    event_id = (await written.ids())[1]
    await written.redis.rename("kraken:book:{BTC/USD}", "aside")
    async with replica.following():
        asked = request("BTC/USD", event_id=event_id)
        reader = WaitingReader(replica.starter, asked, NO_LIMIT)
        reader.wait_for(await refusal(replica, asked))
        await written.redis.rename("aside", "kraken:book:{BTC/USD}")
        live, third, fourth = await received(reader, 3)
        assert live["status"] == "live"
        assert [third.short, fourth.short] == [("update", 3), ("update", 4)]
        reader.close()


async def test_stream_of_many_sends_a_status_for_each_symbol_and_continues(
    written: Written, replica: Replica
) -> None:
    async with replica.following():
        asked = request("BTC/USD", "eth-usd")
        reader = WaitingReader(replica.starter, asked, NO_LIMIT)
        said = messages(without_comments(reader.wait_for(await refusal(replica, asked))))
        assert [(each["symbol"], each["status"]) for each in said] == [
            ("BTC/USD", "syncing"),
            ("ETH/USD", "syncing"),
        ]
        for symbol in ("BTC/USD", "ETH/USD"):
            await written.symbol(symbol)
            await written.book(EPOCH, snapshot(1), symbol=symbol)
        got = await received(reader, 4)
        assert [each["status"] for each in got[:2]] == ["live", "live"]
        assert [each.short for each in got[2:]] == [("snapshot", 1)] * 2
        reader.close()


async def test_stream_of_all_waits_for_redis_with_only_a_comment() -> None:
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    asked = request()
    error = await refusal(away, asked)
    assert may_wait_for(error, asked)
    reader = WaitingReader(away.starter, asked, NO_LIMIT)
    assert reader.wait_for(error) == b": waiting: redis\n\n"
    assert await reader.next() == b""
    assert reader.ready() is None
    reader.close()


async def test_end_of_a_wait_is_a_change_and_the_time_before_it_is_not_measured() -> None:
    begun = monotonic()
    reader = WaitingReader(
        Replica(connect_redis("redis://127.0.0.1:1/0")).starter, request("BTC/USD"), NO_LIMIT
    )
    waiting = reader.log.changed_at
    assert waiting >= begun
    called: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def wake() -> bool:
        called.set_result(reader.log.changed_at)
        return False

    reader.log.on_change(wake)
    assert await called > waiting


async def test_wait_for_redis_sends_one_status(written: Written) -> None:
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    asked = request("BTC/USD")
    reader = WaitingReader(away.starter, asked, NO_LIMIT)
    (status,) = messages(without_comments(reader.wait_for(await refusal(away, asked))))
    assert status["reason"] == "redis"
    assert await reader.next() == b""


async def test_unknown_symbol_ends_the_wait_after_its_time_limit(
    written: Written, replica: Replica
) -> None:
    await written.symbol("BTC/USD")
    asked = request("NOPE/USD")
    assert (await refusal(replica, asked)).code == "unknown-symbol"
    reader = WaitingReader(replica.starter, asked, 0.0)
    assert (await reader.next()).startswith(b"retry: ")
    with pytest.raises(ApiError, match="NOPE/USD"):
        await reader.next()


async def test_stream_waits_for_symbol_of_a_later_shard(written: Written, replica: Replica) -> None:
    await written.symbol("BTC/USD")
    asked = request("ETH/USD")
    reader = WaitingReader(replica.starter, asked, NO_LIMIT)
    reader.wait_for(await refusal(replica, asked))
    await written.symbol("ETH/USD")
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    live, book = await received(reader, 2)
    assert (live["status"], book.short) == ("live", ("snapshot", 1))
    reader.close()


def test_stream_waits_only_for_passing_errors_of_valid_names() -> None:
    for error in (TooManyChoices(1000), NoRoom()):
        assert may_wait_for(error, request("BTC/USD"))
        assert may_wait_for(error, request())
        for name in ("BTC", "BTC/USD/EUR", "", "BTC/\x1b[2J", "BTC/\n", "x" * 50 + "/USD"):
            assert not may_wait_for(error, request(name))
    assert not may_wait_for(NoSuchSymbol("BTC/USD", []), request("BTC/USD"))


async def test_refused_symbol_opens_with_krakens_reason(written: Written, replica: Replica) -> None:
    words = "Currency pair not supported XBT/EUR"
    await written.symbol("XBT/EUR", "refused", words)
    for is_many in (False, True):
        asked = StreamRequest(("XBT/EUR",), None, is_many, None)
        cursor, opening = await replica.starter.start(asked)
        status = messages(opening)[-1]
        assert (status["status"], status["reason"]) == ("syncing", words)
        cursor.close()


async def test_stream_waits_while_the_list_of_symbols_is_corrupt(
    written: Written, replica: Replica
) -> None:
    await written.redis.set(SYMBOLS, "somebody's")
    asked = request("BTC/USD")
    error = await refusal(replica, asked)
    assert error.code == "corrupt-symbols"
    assert may_wait_for(error, asked)


async def test_stream_of_a_view_waits_for_its_symbol(written: Written, replica: Replica) -> None:
    asked = request("BTC/USD", view=View(1))
    async with replica.following():
        reader = WaitingReader(replica.starter, asked, NO_LIMIT)
        reader.wait_for(await refusal(replica, asked))
        await written.symbol("BTC/USD")
        await written.book(EPOCH, snapshot(1))
        live, book = await received(reader, 2)
        assert (live["status"], len(book["bids"])) == ("live", 1)
        reader.close()


async def test_stream_of_all_books_sends_a_comment_while_there_are_none(
    written: Written, replica: Replica
) -> None:
    async with replica.following():
        cursor, opening = await replica.starter.start(request())
        assert b": waiting: no-symbols\n\n" in opening
        cursor.close()
        await written.symbol("BTC/USD")
        cursor, opening = await replica.starter.start(request())
        assert b"waiting" not in opening
        cursor.close()
