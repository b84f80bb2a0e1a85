"""Shared reads: few are sent, and none answers a caller that came after it was sent."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from redis.exceptions import RedisError

from api.store.book_store import BookStore
from api.store.coalesce import BatchedReads
from kraken_book.position import Position
from lab.written_books import snapshot, update
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import EPOCH, Written


class Node:
    """Answers reads when `answer` is called; the value of a read is its number."""

    def __init__(self) -> None:
        self.reads: list[tuple[set[str], asyncio.Future[None]]] = []

    async def read(self, _name: str, keys: Collection[str]) -> dict[str, int]:
        let_go: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reads.append((set(keys), let_go))
        number = len(self.reads)
        await let_go
        return dict.fromkeys(keys, number)

    def answer(self, index: int, error: Exception | None = None) -> None:
        if error is None:
            self.reads[index][1].set_result(None)
        else:
            self.reads[index][1].set_exception(error)


class FarNode(OneNode):
    """A Redis with delayed answers, so that others write in the meantime."""

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        replies = await super().send(node, commands)
        await asyncio.sleep(random.random() * 0.004)
        return replies


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def shared(node: Node) -> BatchedReads[str, int]:
    return BatchedReads(node.read)


async def settle() -> None:
    """Run all tasks until they wait for an answer."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_callers_during_a_read_share_the_next_read(
    node: Node, shared: BatchedReads[str, int]
) -> None:
    first = asyncio.gather(shared.get("n", ["a"]), shared.get("n", ["a", "b"]))
    await settle()
    later = asyncio.gather(*(shared.get("n", [key]) for key in "abcab"))
    await settle()
    assert [keys for keys, _ in node.reads] == [{"a", "b"}]
    node.answer(0)
    assert [found["a"] for found in await first] == [1, 1]
    await settle()
    assert [keys for keys, _ in node.reads] == [{"a", "b"}, {"a", "b", "c"}]
    node.answer(1)
    assert [found[key] for found, key in zip(await later, "abcab", strict=True)] == [2] * 5
    await settle()
    assert len(node.reads) == 2


async def test_reads_of_different_nodes_are_independent(
    node: Node, shared: BatchedReads[str, int]
) -> None:
    slow = asyncio.create_task(shared.get("slow", ["a"]))
    await settle()
    other = asyncio.create_task(shared.get("other", ["a"]))
    await settle()
    node.answer(1)
    assert (await other)["a"] == 2
    assert not slow.done()
    node.answer(0)
    await slow


async def test_error_of_a_read_is_raised_to_its_callers_only(
    node: Node, shared: BatchedReads[str, int]
) -> None:
    failing = [asyncio.create_task(shared.get("n", [key])) for key in "ab"]
    await settle()
    later = asyncio.create_task(shared.get("n", ["a"]))
    await settle()
    node.answer(0, RedisError("away"))
    for each in failing:
        with pytest.raises(RedisError):
            await each
    await settle()
    node.answer(1)
    assert (await later)["a"] == 2


async def test_cancelled_caller_cancels_no_other_caller(
    node: Node, shared: BatchedReads[str, int]
) -> None:
    one, other = (asyncio.create_task(shared.get("n", ["a"])) for _ in range(2))
    await settle()
    one.cancel()
    await settle()
    node.answer(0)
    assert (await other)["a"] == 1
    with pytest.raises(asyncio.CancelledError):
        await one
    again = asyncio.create_task(shared.get("n", ["a"]))
    await settle()
    node.answer(1)
    assert (await again)["a"] == 2


@pytest.mark.real_redis  # thousands of calls: 1 s instead of 3 s
async def test_book_contains_every_write_acknowledged_before_its_request(
    redis: RedisNode, written: Written
) -> None:
    """Many callers request books while they are written."""
    store = BookStore(FarNode(redis))
    symbols = ["BTC/USD", "ETH/USD"]
    acknowledged = dict.fromkeys(symbols, 1)
    for symbol in symbols:
        await written.book(EPOCH, snapshot(1), symbol=symbol)
    writing = True

    async def write(symbol: str) -> None:
        for seq in range(2, 200):
            await written.book(EPOCH, update(seq), symbol=symbol, wake=False)
            acknowledged[symbol] = seq
            book = await store.book(symbol)
            assert book is not None
            assert book.position == Position(EPOCH, seq)

    async def ask(seed: int) -> int:
        rng, asked = random.Random(seed), 0
        while writing:
            symbol = rng.choice(symbols)
            least = acknowledged[symbol]
            book = await store.book(symbol)
            assert book is not None
            assert book.position is not None
            assert book.hash.snapshot is not None
            assert book.position.seq >= least
            assert f'"{book.position.seq / 10**8:.8f}"' in book.hash.snapshot.bids
            asked += 1
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
        return asked

    asking = [asyncio.create_task(ask(seed)) for seed in range(24)]
    await asyncio.gather(*map(write, symbols))
    writing = False
    assert sum(await asyncio.gather(*asking)) > 100
