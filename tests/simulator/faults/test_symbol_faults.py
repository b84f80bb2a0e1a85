"""Faults of a symbol at a client on a real socket; afterwards the feed is right again."""

from __future__ import annotations

import json

import pytest

from simulator.faults.kinds import FaultError
from tests.simulator.helpers import (
    HOUR,
    is_book,
    parse,
    read_until,
    send,
    subscribe,
    text_checksum,
    timestamp,
)
from tests.simulator.stage import (
    Stage,
    answered,
    books,
    fails,
    subscribed,
)

BTC_BOOK = {"channel": "book", "symbol": ["BTC/USD"], "depth": 10}


async def test_corrupt_spoils_count_checksums_and_no_book(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do("corrupt?symbol=BTC/USD&count=2")
        stage.move(4)
        wrong = [fails(book, text) for text in books(await answered(client))]
    assert wrong == [True, True, False, False]
    assert await stage.feed_is_right()


async def test_fault_of_an_update_shows_at_every_depth(stage: Stage) -> None:
    async with stage.follower() as (shallow, best), stage.follower(depth=1000) as (deep, whole):
        stage.do("corrupt?symbol=BTC/USD")
        stage.move(50)
        for client, book in ((shallow, best), (deep, whole)):
            wrong = [fails(book, text) for text in books(await answered(client))]
            assert wrong.count(True) == 1


async def test_fault_of_an_update_waits_for_a_follower(stage: Stage) -> None:
    stage.do("corrupt?symbol=BTC/USD")
    stage.move(50)
    async with stage.follower() as (client, book):
        stage.move(2)
        wrong = [fails(book, text) for text in books(await answered(client))]
    assert wrong == [True, False]


async def test_faults_of_updates_queue_and_spare_other_symbols(stage: Stage) -> None:
    async with stage.follower("MINA/GBP") as (other, mina), stage.follower() as (client, _):
        stage.do("swallow?symbol=BTC/USD&count=2")
        stage.do("repeat?symbol=BTC/USD")
        stage.move(4)
        first, second, third = books(await answered(client))
        assert first == second != third
        stage.move(20, "MINA/GBP")
        for text in books(await answered(other)):
            mina.apply(text)


async def test_swallow_loses_updates(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do("swallow?symbol=BTC/USD&count=2")
        stage.move(3)
        (only,) = books(await answered(client))
        assert fails(book, only)
    assert await stage.feed_is_right()


async def test_repeat_sends_an_update_twice(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do("repeat?symbol=BTC/USD&count=2")
        stage.move(3)
        texts = books(await answered(client))
        assert [texts[0], texts[2]] == [texts[1], texts[3]]
        assert len(set(texts)) == 3
        assert len(texts) == 5
        # A level that is set twice to the same quantity leaves the same book.
        assert not any(fails(book, text) for text in texts)


async def test_reorder_swaps_the_next_two_updates(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do("reorder?symbol=BTC/USD")
        stage.move()
        assert books(await answered(client)) == []
        stage.move(2)
        texts = books(await answered(client))
        times = [timestamp(text) for text in texts]
        assert times == [max(times[:2]), min(times[:2]), max(times)]
        assert fails(book, texts[0])
        # The snapshot of a client that joins in between contains the first update.
        stage.do("reorder?symbol=BTC/USD")
        stage.move()
        assert await stage.feed_is_right()


async def test_two_reorderings_in_a_row_lose_nothing(stage: Stage) -> None:
    async with stage.follower() as (client, _):
        stage.do("reorder?symbol=BTC/USD")
        stage.do("reorder?symbol=BTC/USD")
        stage.move(4)
        times = [timestamp(text) for text in books(await answered(client))]
    right = sorted(times)
    assert times == [right[1], right[0], right[3], right[2]]


@pytest.mark.parametrize("depth", [10, 25, 1000])
async def test_crossed_leaves_a_crossed_book_whose_checksum_agrees(
    stage: Stage, depth: int
) -> None:
    async with stage.follower(depth=depth) as (client, book):
        stage.do("crossed?symbol=BTC/USD")
        stage.move()
        *right, crossed = books(await answered(client))
        assert not any(fails(book, text) for text in right)
        assert fails(book, crossed)
        assert max(book.bids) >= min(book.asks)
        sent = parse(crossed)["data"][0]["checksum"]
        assert text_checksum(book.asks.values(), book.bids.values()) == sent
    assert await stage.feed_is_right()


async def test_crossed_waits_until_there_is_an_ask(stage: Stage) -> None:
    market = stage.exchange.listing("MINA/GBP").market
    async with stage.follower("MINA/GBP"):
        for _ in range(10_000):
            stage.do("crossed?symbol=MINA/GBP")
            stage.move(1, "MINA/GBP")
            if not market.asks.keys:
                break
            assert stage.exchange.pending() == []
        assert len(stage.exchange.pending()) == 1
        stage.move(1, "MINA/GBP")
        assert stage.exchange.pending() == []


async def test_level_has_a_decimal_too_many(stage: Stage) -> None:
    async with stage.follower() as (client, _):
        stage.do("level?symbol=BTC/USD")
        stage.move(2)
        wrong, right = (parse(text)["data"][0] for text in books(await answered(client)))

    def decimals(entry: dict[str, list[dict[str, str]]]) -> list[int]:
        levels = entry["bids"] + entry["asks"]
        return sorted(len(level["price"].partition(".")[2]) for level in levels)

    assert decimals(wrong)[-1] == 2
    assert decimals(wrong).count(2) == 1
    assert set(decimals(right)) == {1}
    assert await stage.feed_is_right()


async def test_level_adds_a_point_to_integer_prices(stage: Stage) -> None:
    stage.do("precision?symbol=BTC/USD&price=0&qty=8")
    async with stage.follower() as (client, _):
        stage.do("level?symbol=BTC/USD")
        stage.move()
        (wrong,) = books(await answered(client))
    entry = parse(wrong)["data"][0]
    assert sum("." in str(level["price"]) for level in entry["bids"] + entry["asks"]) == 1


async def test_cut_ends_in_the_middle_of_the_text(stage: Stage) -> None:
    async with stage.follower() as (client, _):
        stage.do("cut?symbol=BTC/USD")
        stage.move()
        (text,) = books(await answered(client))
        assert text.startswith('{"channel":"book","type":"update"')
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
    assert await stage.feed_is_right()


async def test_early_puts_an_update_before_the_snapshot(stage: Stage) -> None:
    stage.do("early?symbol=BTC/USD")
    async with stage.client() as client:
        await subscribe(client, "BTC/USD")
        texts = await read_until(client, lambda frame: is_book(frame, "snapshot"))
        assert [parse(text).get("type") for text in texts] == [
            "update",  # of the status
            None,
            "update",
            "snapshot",
        ]
        assert is_book(parse(texts[2]))
    assert await stage.feed_is_right()


async def test_ack_only_is_followed_by_nothing(stage: Stage) -> None:
    stage.do("ack_only?symbol=BTC/USD")
    async with stage.client() as client:
        await subscribe(client, "BTC/USD")
        # Snapshots are sent in order: if another client has one, none is to come.
        async with stage.follower():
            stage.move(5)
        _, ack = await answered(client)
        assert parse(ack)["success"]
        await send(client, method="unsubscribe", params=BTC_BOOK)
        (ack,) = await answered(client)
        assert parse(ack)["success"]
        await subscribed(client)
    assert await stage.feed_is_right()


async def test_mute_of_a_symbol_swallows_its_updates(stage: Stage) -> None:
    async with stage.follower() as (client, book), stage.follower("MINA/GBP") as (other, mina):
        stage.do(f"mute?symbol=BTC/USD&{HOUR}")
        stage.move(3)
        stage.move(3, "MINA/GBP")
        assert books(await answered(client)) == []
        assert not any(fails(mina, text) for text in books(await answered(other)))
        stage.injector.lift()
        stage.move()
        (text,) = books(await answered(client))
        assert fails(book, text)
    assert await stage.feed_is_right()


async def test_silence_keeps_the_book_right(stage: Stage) -> None:
    async with stage.follower() as (client, book):
        stage.do(f"silence?symbol=BTC/USD&{HOUR}")
        stage.try_to_move()
        assert books(await answered(client)) == []
        stage.injector.lift()
        stage.move(5)
        texts = books(await answered(client))
        assert len(texts) == 5
        assert not any(fails(book, text) for text in texts)


async def test_refuse_answers_like_an_unknown_pair(stage: Stage) -> None:
    stage.do(f"refuse?symbol=BTC/USD&{HOUR}")
    async with stage.client() as client:
        await subscribe(client, "BTC/USD", "MINA/GBP")
        _, refusal, ack = (await answered(client))[:3]
        assert refusal == (
            '{"error":"Currency pair not supported BTC/USD","method":"subscribe","success":false,'
            '"symbol":"BTC/USD"}'
        )
        assert parse(ack)["result"]["symbol"] == "MINA/GBP"
        stage.injector.lift()
        await subscribed(client)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "corrupt?symbol=NO/NE",
            "symbol=NO/NE: it is not listed: use a listed one, such as BTC/USD",
        ),
        ("mute?symbol=NO/NE&seconds=1", "not listed"),
        ("list?symbol=BTC/USD", "it is already listed"),
        ("list?symbol=btc", "is not a symbol: use BASE/QUOTE"),
    ],
)
async def test_fault_error_names_wrong_symbol(stage: Stage, text: str, message: str) -> None:
    with pytest.raises(FaultError, match="symbol=") as wrong:
        stage.do(text)
    assert message in str(wrong.value)


async def test_updates_of_listing_include_swallowed_ones(stage: Stage) -> None:
    listing = stage.exchange.listing("BTC/USD")
    async with (
        stage.follower() as (shallow, _),
        stage.follower(depth=25) as (deeper, _),
        stage.follower(depth=1000) as (deepest, _),
    ):
        stage.move(100)
        counts = listing.update_counts()
        for client, depth in ((shallow, 10), (deeper, 25), (deepest, 1000)):
            assert len(books(await answered(client))) == counts[depth]
        assert 100 == counts[10] < counts[25] < counts[100] < counts[1000]
        stage.do("swallow?symbol=BTC/USD&count=20")
        stage.move(30)
        assert len(books(await answered(shallow))) == 10
        assert listing.update_counts()[10] == 130
