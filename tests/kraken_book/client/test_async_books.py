"""The async iterator: steps that are cancelled, concurrent or dropped."""

from __future__ import annotations

import asyncio
import gc

import pytest

from kraken_book import LiveBook, UnknownSymbol, watch
from lab.canned_api import CannedApi, problem, sse_events
from lab.waiting import async_wait_until, wait_until
from lab.written_books import SYMBOL, update
from tests.kraken_book.client.reader import Gate

STEP = 0.05


async def test_step_that_times_out_loses_neither_stream_nor_event() -> None:
    gate = Gate(sse_events(update(4)), sse_events(update(5)))
    with CannedApi(gate) as api:
        books = aiter(watch(api.url, SYMBOL))
        assert (await anext(books)).seq == 3
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(books), STEP)
        gate.open()
        seqs = [(await asyncio.wait_for(anext(books), 20)).seq for _ in range(2)]
        assert seqs == [4, 5]
        assert len(api.requests) == 1


async def test_step_that_times_out_while_connecting_continues_in_the_next_step() -> None:
    with CannedApi(Gate()) as api:
        books = aiter(watch(api.url, SYMBOL))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(books), 0.0001)
        assert (await asyncio.wait_for(anext(books), 20)).is_live


async def test_second_task_on_one_iterator_is_refused() -> None:
    gate = Gate(sse_events(update(4)))
    with CannedApi(gate) as api:
        books = aiter(watch(api.url, SYMBOL))
        await anext(books)
        first = asyncio.ensure_future(anext(books))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task already waits"):
            await anext(books)
        gate.open()
        book: LiveBook = await asyncio.wait_for(first, 20)
        assert book.seq == 4


async def test_iterator_stays_ended_after_a_refusal() -> None:
    with CannedApi(problem(404, "no symbol", ["BTC/USD"])) as api:
        books = aiter(watch(api.url, "BTC/US"))
        with pytest.raises(UnknownSymbol):
            await anext(books)
        with pytest.raises(StopAsyncIteration):
            await anext(books)


async def wait_until_closed(api: CannedApi) -> None:
    """Wait until the api has no connection, and check that no task is left."""
    before = asyncio.all_tasks()
    await asyncio.to_thread(wait_until, lambda: api.open_connections == 0, "no connection is left")
    assert asyncio.all_tasks() <= before


@pytest.mark.usefixtures("no_garbage_of_other_tests")
@pytest.mark.filterwarnings("error")
async def test_leaving_the_loop_closes_the_connection_while_the_watch_is_kept() -> None:
    with CannedApi(Gate()) as api:
        books = watch(api.url, SYMBOL)
        async for _ in books:
            break
        await wait_until_closed(api)
        assert books.books[SYMBOL].seq == 3


@pytest.mark.usefixtures("no_garbage_of_other_tests")
@pytest.mark.filterwarnings("error")
async def test_iterator_dropped_after_a_cancelled_step_closes_its_connection() -> None:
    with CannedApi(Gate()) as api:
        books = aiter(watch(api.url, SYMBOL))
        await anext(books)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(books), STEP)
        del books
        gc.collect()
        await wait_until_closed(api)


async def test_end_of_the_block_ends_the_step_of_another_task() -> None:
    async def follow() -> int:
        return len([book async for book in books])

    with CannedApi(Gate()) as api:
        async with watch(api.url, SYMBOL) as books:
            task = asyncio.create_task(follow())
            await asyncio.to_thread(wait_until, lambda: books.books, "the book has arrived")
        assert await asyncio.wait_for(task, 20) == 1
        await wait_until_closed(api)


@pytest.mark.parametrize("way", ["break", "close", "cancel"])
async def test_book_is_not_live_after_its_loop_has_ended(way: str) -> None:
    with CannedApi(Gate()) as api:
        books = watch(api.url, SYMBOL)

        async def follow() -> None:
            async with books:
                async for book in books:
                    assert (book.is_live, books.outage) == (True, None)
                    if way == "break":
                        return
                    if way == "close":
                        await books.__aexit__(None, None, None)

        following = asyncio.create_task(follow())
        if way == "cancel":
            await async_wait_until(lambda: bool(books.books), "the book has arrived")
            following.cancel()
        await asyncio.wait([following])
        assert (books.books[SYMBOL].status, books.outage) == ("stale", "the iteration has ended")


def test_iterator_of_an_event_loop_that_ended_says_so() -> None:
    async def step() -> LiveBook:
        return await anext(books)

    with CannedApi(Gate()) as api:
        books = aiter(watch(api.url, SYMBOL))
        assert asyncio.run(step()).seq == 3
        with pytest.raises(RuntimeError, match=r"another event loop, .*: iterate over the watch"):
            asyncio.run(step())
