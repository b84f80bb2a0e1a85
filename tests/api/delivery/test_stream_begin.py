"""Streams that begin while Redis or the list of symbols is away open, wait, and go on."""

from __future__ import annotations

import pytest

from api.delivery.stream_begin import StreamBeginning, WaitingReader
from api.http.parameters import Asked
from api.http.problems import Problem, unavailable, unknown_symbol
from api.store.directory import Directory
from api.views.channel_registry import ChannelRegistry, no_room
from api.views.view import View
from kraken_book.contract.keys import SYMBOLS
from lab.polling import eventually
from lab.written_books import snapshot, update, updates
from runtime.redis.client import connect_redis
from tests.api.replica import Message, Replica, Written, messages

EPOCH = 1785638131660
EVER = 1e6


def beginning(
    replica: Replica, *names: str, event_id: str | None = None, is_many: bool = False
) -> StreamBeginning:
    asked = Asked(names or None, None, is_many or len(names) != 1, event_id)
    return StreamBeginning(Directory(replica.store), replica.tail, replica.channels, asked)


async def refusal(of: StreamBeginning) -> Problem:
    with pytest.raises(Problem) as caught:
        await of.begin()
    return caught.value


async def told(reader: WaitingReader, count: int) -> list[Message]:
    got: list[Message] = []

    async def more() -> bool:
        got.extend(each for each in messages(without_comments(await reader.next())))
        return len(got) >= count

    await eventually(more, f"{count} messages, but {got}")
    assert len(got) == count
    return got


def without_comments(data: bytes) -> bytes:
    blocks = [block for block in data.split(b"\n\n")[:-1] if not block.startswith(b":")]
    return b"".join(block + b"\n\n" for block in blocks)


async def test_fresh_stream_waits_for_the_list_and_opens_with_the_book(
    written: Written, replica: Replica
) -> None:
    async with replica.following():
        begin = beginning(replica, "btc-usd")
        problem = await refusal(begin)
        assert begin.may_wait_for(problem)
        reader = WaitingReader(begin, EVER)
        said = reader.wait_for(problem)
        assert said.startswith(b": waiting: no-symbols\n\n")
        (status,) = messages(without_comments(said))
        assert (status["symbol"], status["status"], status["reason"], status["seq"]) == (
            *("BTC/USD", "syncing", "no-symbols"),
            None,
        )
        assert await reader.next() == b""
        await written.symbol("BTC/USD")
        await written.book(EPOCH, snapshot(1))
        live, book = await told(reader, 2)
        assert (live["status"], live["seq"], live.id) == ("live", None, None)
        assert book.short == ("snapshot", 1)
        await written.book(EPOCH, update(2))
        assert [message.short for message in await told(reader, 1)] == [("update", 2)]
        reader.close()


async def test_resumed_stream_goes_on_without_a_snapshot_after_the_wait(
    written: Written, replica: Replica
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, 4))
    event_id = (await written.ids())[1]
    await written.redis.rename("kraken:book:{BTC/USD}", "aside")
    async with replica.following():
        begin = beginning(replica, "BTC/USD", event_id=event_id)
        reader = WaitingReader(begin, EVER)
        reader.wait_for(await refusal(begin))
        await written.redis.rename("aside", "kraken:book:{BTC/USD}")
        live, third, fourth = await told(reader, 3)
        assert live["status"] == "live"
        assert [third.short, fourth.short] == [("update", 3), ("update", 4)]
        reader.close()


async def test_stream_of_many_tells_of_each_and_goes_on(written: Written, replica: Replica) -> None:
    async with replica.following():
        begin = beginning(replica, "BTC/USD", "eth-usd")
        reader = WaitingReader(begin, EVER)
        said = messages(without_comments(reader.wait_for(await refusal(begin))))
        assert [(each["symbol"], each["status"]) for each in said] == [
            ("BTC/USD", "syncing"),
            ("ETH/USD", "syncing"),
        ]
        for symbol in ("BTC/USD", "ETH/USD"):
            await written.symbol(symbol)
            await written.book(EPOCH, snapshot(1), symbol=symbol)
        got = await told(reader, 4)
        assert [each["status"] for each in got[:2]] == ["live", "live"]
        assert [each.short for each in got[2:]] == [("snapshot", 1)] * 2
        reader.close()


async def test_stream_of_all_waits_for_redis_with_a_comment_alone() -> None:
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    begin = beginning(away)
    problem = await refusal(begin)
    assert begin.may_wait_for(problem)
    reader = WaitingReader(begin, EVER)
    assert reader.wait_for(problem) == b": waiting: redis\n\n"
    assert await reader.next() == b""
    assert reader.ready() is None
    reader.close()


async def test_wait_for_redis_is_told_once(written: Written) -> None:
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    begin = beginning(away, "BTC/USD")
    reader = WaitingReader(begin, EVER)
    (status,) = messages(without_comments(reader.wait_for(await refusal(begin))))
    assert status["reason"] == "redis"
    assert await reader.next() == b""


async def test_unknown_symbol_ends_the_wait_when_patience_is_over(
    written: Written, replica: Replica
) -> None:
    await written.symbol("BTC/USD")
    begin = beginning(replica, "NOPE/USD")
    assert (await refusal(begin)).status == 404
    reader = WaitingReader(begin, 0.0)
    assert (await reader.next()).startswith(b"retry: ")
    with pytest.raises(Problem, match="NOPE/USD"):
        await reader.next()


async def test_symbol_of_another_shard_that_comes_later_is_waited_for(
    written: Written, replica: Replica
) -> None:
    await written.symbol("BTC/USD")
    begin = beginning(replica, "ETH/USD")
    reader = WaitingReader(begin, EVER)
    reader.wait_for(await refusal(begin))
    await written.symbol("ETH/USD")
    await written.book(EPOCH, snapshot(1), symbol="ETH/USD")
    live, book = await told(reader, 2)
    assert (live["status"], book.short) == ("live", ("snapshot", 1))
    reader.close()


async def test_only_what_passes_is_waited_for_and_only_by_what_may_be_symbols(
    replica: Replica,
) -> None:
    passing = unavailable("too-many-choices", "why")
    for problem in (passing, no_room()):
        assert beginning(replica, "BTC/USD").may_wait_for(problem)
        assert beginning(replica).may_wait_for(problem)
    assert not beginning(replica, "BTC/USD").may_wait_for(unknown_symbol("BTC/USD", []))
    for name in ("BTC", "BTC/USD/EUR", "", "BTC/\x1b[2J", "BTC/\n", "x" * 50 + "/USD"):
        assert not beginning(replica, name).may_wait_for(passing)


async def test_refused_symbol_opens_with_krakens_words(written: Written, replica: Replica) -> None:
    words = "Currency pair not supported XBT/EUR"
    await written.symbol("XBT/EUR", "refused", words)
    for is_many in (False, True):
        directory = Directory(replica.store)
        asked = Asked(("XBT/EUR",), None, is_many, None)
        begin = StreamBeginning(directory, replica.tail, replica.channels, asked)
        reader, opening = await begin.begin()
        status = messages(opening)[-1]
        assert (status["status"], status["reason"]) == ("syncing", words)
        reader.close()


async def test_corrupt_list_of_symbols_is_waited_for(written: Written, replica: Replica) -> None:
    await written.redis.set(SYMBOLS, "somebody's")
    begin = beginning(replica, "BTC/USD")
    problem = await refusal(begin)
    assert problem.name == "corrupt-symbols"
    assert begin.may_wait_for(problem)


async def test_view_waits_too(written: Written, replica: Replica) -> None:
    asked = Asked(("BTC/USD",), View(1), False, None)
    channels: ChannelRegistry = replica.channels
    begin = StreamBeginning(Directory(replica.store), replica.tail, channels, asked)
    async with replica.following():
        reader = WaitingReader(begin, EVER)
        reader.wait_for(await refusal(begin))
        await written.symbol("BTC/USD")
        await written.book(EPOCH, snapshot(1))
        live, book = await told(reader, 2)
        assert (live["status"], len(book["bids"])) == ("live", 1)
        reader.close()


async def test_stream_of_all_books_says_so_while_there_is_none(
    written: Written, replica: Replica
) -> None:
    async with replica.following():
        reader, opening = await beginning(replica).begin()
        assert b": waiting: no-symbols\n\n" in opening
        reader.close()
        await written.symbol("BTC/USD")
        reader, opening = await beginning(replica).begin()
        assert b"waiting" not in opening
        reader.close()
