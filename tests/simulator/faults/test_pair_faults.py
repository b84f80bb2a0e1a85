"""Faults that change a pair: its precisions, its status, or the list of pairs."""

from __future__ import annotations

import pytest

from simulator.faults.kinds import FaultError
from tests.simulator.helpers import (
    is_book,
    parse,
    read_until,
    subscribe,
)
from tests.simulator.stage import (
    Stage,
    answered,
    books,
    fails,
    instruments,
    staged,
    subscribed,
    told_of_pair,
)


@pytest.mark.parametrize(("price", "qty"), [(3, 8), (1, 10), (0, 8), (1, 2), (2, 4)])
async def test_precision_change_is_announced(stage: Stage, price: int, qty: int) -> None:
    async with stage.follower() as (follower, _), stage.client() as client:
        await instruments(client)
        stage.do(f"precision?symbol=BTC/USD&price={price}&qty={qty}")
        pair = told_of_pair(await answered(client))
        assert (pair["symbol"], pair["price_precision"], pair["qty_precision"]) == (
            "BTC/USD",
            price,
            qty,
        )
        assert await answered(follower) == []
        stage.move()
        (text,) = books(await answered(follower))
        entry = parse(text)["data"][0]
        for level in entry["bids"] + entry["asks"]:
            assert len(str(level["price"]).partition(".")[2]) == price
            assert len(level["qty"].partition(".")[2]) == qty
    async with stage.follower(depth=1000) as (client, book):
        stage.move(200)
        assert not any(fails(book, text) for text in books(await answered(client)))


async def test_precision_with_more_decimals_keeps_the_book(stage: Stage) -> None:
    async with stage.follower(depth=1000) as (_, before):
        pass
    stage.do("precision?symbol=BTC/USD&price=4&qty=10")
    async with stage.follower(depth=1000) as (_, after):
        assert list(after.bids) == list(before.bids)
        assert list(after.asks) == list(before.asks)


async def test_precision_with_too_few_decimals_is_refused(stage: Stage) -> None:
    with pytest.raises(FaultError, match="price=1: too few decimals for MINA/GBP"):
        stage.do("precision?symbol=MINA/GBP&price=1&qty=8")
    assert await stage.feed_is_right("MINA/GBP")


async def test_delisted_pair_is_gone_until_it_is_online(stage: Stage) -> None:
    async with stage.follower() as (follower, book), stage.client() as client:
        await instruments(client)
        stage.do("pair_status?symbol=BTC/USD&status=delisted")
        assert told_of_pair(await answered(client))["status"] == "delisted"
        stage.try_to_move()
        assert await answered(follower) == []
        async with stage.client() as comer:
            assert await instruments(comer) == ["MINA/GBP"]
            await subscribe(comer, "BTC/USD")
            (refusal,) = await answered(comer)
            assert parse(refusal)["error"] == "Currency pair not supported BTC/USD"
        stage.do("pair_status?symbol=BTC/USD&status=online")
        assert told_of_pair(await answered(client))["status"] == "online"
        stage.move(3)
        assert [fails(book, text) for text in books(await answered(follower))] == [False] * 3
    assert await stage.feed_is_right()


async def test_pair_status_survives_a_change_of_precision(stage: Stage) -> None:
    stage.do("pair_status?symbol=BTC/USD&status=cancel_only")
    async with stage.client() as client:
        assert await instruments(client) == ["BTC/USD", "MINA/GBP"]
        stage.do("precision?symbol=BTC/USD&price=2&qty=8")
        assert told_of_pair(await answered(client))["status"] == "cancel_only"
    assert await stage.feed_is_right()


async def test_listed_pair_is_announced_and_moves() -> None:
    async with staged(rate=300) as stage, stage.client() as client:
        await subscribed(client, depth=10)
        await instruments(client)
        stage.do("list?symbol=NEW/USD")
        texts = await read_until(client, lambda frame: frame.get("channel") == "instrument")
        assert told_of_pair([texts[-1]])["symbol"] == "NEW/USD"
        async with stage.follower("NEW/USD") as (comer, book):
            for _ in range(3):
                book.apply((await read_until(comer, is_book))[-1])
