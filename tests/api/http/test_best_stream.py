"""/best/{pair}/stream: the newest best prices for each reader, read once for all of a choice."""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from api.delivery.stream import EventReader
from api.delivery.stream_start import start_or_wait
from api.http.best_feeds import BestChoice, BestReader
from api.store.errors import NoSuchSymbol, RedisAway
from kraken_book.access_keys import permitted_symbols
from lab.waiting import async_wait_until
from lab.written_books import snapshot, update
from runtime.redis.client import connect_redis
from tests.api.http.problem_check import assert_problem
from tests.api.replica import EPOCH, Replica, Written, messages

COINBASE = "coinbase:BTC/USD"
CHOICE = BestChoice("BTC/USD", 0.01, None)


@pytest.fixture
async def venues(written: Written) -> None:
    """Write live books of BTC/USD at Kraken, at seq 2, and at Coinbase, at seq 5."""
    for symbol, seq in (("BTC/USD", 2), (COINBASE, 5)):
        await written.symbol(symbol)
        await written.book(EPOCH, snapshot(seq), symbol=symbol)


async def next_part(reader: EventReader) -> bytes:
    """Return the next part that is not empty; it is empty while nothing has changed."""
    got: list[bytes] = []

    async def came() -> bool:
        got.append(await reader.next())
        return bool(got[-1])

    await async_wait_until(came, "something comes")
    return got[-1]


async def next_event(reader: EventReader) -> dict[str, Any]:
    """Return the next event of a reader."""
    while not (got := messages(await next_part(reader))):
        pass
    return got[0]


def quantities(event: dict[str, Any]) -> dict[str, str]:
    return {each["venue"]: each["best_bid"]["qty"] for each in event["venues"]}


async def test_events_are_whole_answers_and_come_at_changes(
    replica: Replica, written: Written, venues: None
) -> None:
    async with replica.following(), replica.client() as client:
        feed = await replica.best.join(CHOICE)
        reader = BestReader(replica.best, feed)
        event = await next_event(reader)
        answer = (await client.get("/best/BTC/USD")).json()
        for each in (*event["venues"], *answer["venues"]):
            del each["age_ms"]
        assert event == answer
        await written.book(EPOCH, update(6), symbol=COINBASE)
        event = await next_event(reader)
        assert quantities(event) == {"kraken": "0.00000002", "coinbase": "0.00000006"}
        assert event["best"]["bid"]["venue"] == "coinbase"
        assert reader.ready().data == b""
        replica.best.leave(feed)


async def test_slow_reader_gets_only_the_newest_event(
    replica: Replica, written: Written, venues: None
) -> None:
    async with replica.following():
        feed = await replica.best.join(CHOICE)
        slow, quick = BestReader(replica.best, feed), BestReader(replica.best, feed)
        await next_event(quick)
        for seq in range(6, 12):
            await written.book(EPOCH, update(seq), symbol=COINBASE)
            assert quantities(await next_event(quick))["coinbase"] == f"{seq / 10**8:.8f}"
        assert quantities(await next_event(slow))["coinbase"] == "0.00000011"
        assert slow.ready().data == b""
        replica.best.leave(feed)


async def test_readers_of_a_choice_share_a_feed_until_the_last_leaves(
    replica: Replica, venues: None
) -> None:
    async with replica.following():
        first = await replica.best.join(CHOICE)
        assert await replica.best.join(CHOICE) is first
        other = await replica.best.join(CHOICE._replace(interval=0.02))
        assert other is not first
        for feed in (first, first, other):
            replica.best.leave(feed)
        assert await replica.best.join(CHOICE) is not first


async def test_stale_book_is_an_event_without_it_in_best(
    replica: Replica, written: Written, venues: None
) -> None:
    async with replica.following():
        feed = await replica.best.join(CHOICE)
        reader = BestReader(replica.best, feed)
        await next_event(reader)
        await written.book(EPOCH, update(6), symbol=COINBASE, age=60.0)
        event = await next_event(reader)
        assert [each["status"] for each in event["venues"]] == ["live", "stale"]
        assert event["best"]["bid"]["venue"] == "kraken"
        replica.best.leave(feed)


async def test_venue_that_comes_later_joins_the_stream(
    replica: Replica, written: Written, btc: None
) -> None:
    async with replica.following():
        feed = await replica.best.join(CHOICE)
        reader = BestReader(replica.best, feed)
        assert set(quantities(await next_event(reader))) == {"kraken"}
        await written.symbol(COINBASE)
        await written.book(EPOCH, snapshot(9), symbol=COINBASE)
        assert set(quantities(await next_event(reader))) == {"kraken", "coinbase"}
        replica.best.leave(feed)


async def test_reader_sees_only_permitted_venues(replica: Replica, venues: None) -> None:
    async with replica.following():
        visible = permitted_symbols("BTC/*")
        feed = await replica.best.join(CHOICE._replace(visible=visible))
        assert set(quantities(await next_event(BestReader(replica.best, feed)))) == {"kraken"}
        replica.best.leave(feed)
        with pytest.raises(NoSuchSymbol):
            await replica.best.join(BestChoice("ETH/USD", 1.0, None))


async def test_code_of_a_venue_that_is_an_old_name_at_kraken_stays_its_own_pair(
    client: httpx.AsyncClient, replica: Replica, written: Written, venues: None
) -> None:
    symbol = "bitmex:XBT/USD"
    await written.symbol(symbol)
    await written.book(EPOCH, snapshot(9), symbol=symbol)
    assert (await client.get(f"/best/{symbol}")).json()["pair"] == "XBT/USD"
    assert (await client.get("/best/XBT/USD")).json()["pair"] == "BTC/USD"
    async with replica.following():
        feed = await replica.best.join(CHOICE._replace(symbol=symbol))
        assert set(quantities(await next_event(BestReader(replica.best, feed)))) == {"bitmex"}
        replica.best.leave(feed)


async def test_books_are_stale_while_redis_cannot_be_read(
    replica: Replica, venues: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replica.following():
        feed = await replica.best.join(CHOICE)
        reader = BestReader(replica.best, feed)
        await next_event(reader)

        async def away(*_: object) -> None:
            raise ConnectionError("no route")

        with monkeypatch.context() as patched:
            patched.setattr(replica.store, "books", away)
            event = await next_event(reader)
            assert {each["status"] for each in event["venues"]} == {"stale"}
            assert event["best"]["bid"] is None
            # A stream that opens meanwhile begins with the same.
            other = await replica.best.join(CHOICE._replace(interval=60.0))
            assert await next_event(BestReader(replica.best, other)) == event | {"venues": ANY}
            replica.best.leave(other)
        event = await next_event(reader)
        assert {each["status"] for each in event["venues"]} == {"live"}
        replica.best.leave(feed)


async def test_stream_that_opens_without_a_list_waits_and_begins_with_an_answer(
    replica: Replica, written: Written
) -> None:
    async with replica.following():
        started = await start_or_wait(replica.best, CHOICE)
        assert started.take_opening() == b": waiting: no-symbols\n\n"
        assert await started.reader.next() == b""
        # Another pair comes first, as if another shard had.
        await written.symbol("ETH/USD")
        assert await next_part(started.reader) == b": waiting: unknown-symbol\n\n"
        await written.symbol("BTC/USD")
        await written.book(EPOCH, snapshot(2))
        event = await next_event(started.reader)
        assert quantities(event) == {"kraken": "0.00000002"}
        await written.book(EPOCH, update(3))
        assert quantities(await next_event(started.reader)) == {"kraken": "0.00000003"}
        started.reader.close()
        assert replica.best.shown(CHOICE) is None


async def test_error_that_cannot_pass_is_raised_before_the_stream_opens(
    replica: Replica, venues: None
) -> None:
    with pytest.raises(NoSuchSymbol):
        await start_or_wait(replica.best, CHOICE._replace(symbol="NO/PE"))
    # Only the list can explain a name without a separator.
    away = Replica(connect_redis("redis://127.0.0.1:1/0"))
    with pytest.raises(RedisAway):
        await start_or_wait(away.best, CHOICE._replace(symbol="BTCUSD"))
    started = await start_or_wait(away.best, CHOICE)
    assert started.take_opening() == b": waiting: redis\n\n"
    started.reader.close()


async def test_head_of_a_stream_that_would_wait_is_a_200(client: httpx.AsyncClient) -> None:
    answer = await client.head("/best/btc-usd/stream")
    assert (answer.status_code, answer.headers["x-book-source"]) == (200, "none")
    assert_problem(await client.get("/best/BTCUSD/stream"), 503, "no-symbols")


async def test_head_and_problems_of_the_stream(client: httpx.AsyncClient, venues: None) -> None:
    answer = await client.head("/best/btc-usd/stream?interval=1s&ticket=x")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-book-source"] == "simulated"
    answer = await client.get("/best/NOPE/USD/stream")
    assert_problem(answer, 404, "unknown-symbol")
    for query, parameter in (("interval=1ms", "interval"), ("levels=1", "levels")):
        answer = await client.get(f"/best/BTC/USD/stream?{query}")
        assert assert_problem(answer, 400, "bad-parameter")["parameter"] == parameter
