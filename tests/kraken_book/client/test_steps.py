"""A step of a watch that is cancelled, interrupted, taken twice or dropped."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from kraken_book import LiveBook, UnknownSymbol, watch
from kraken_book.client.following import BlockingBooks
from lab.canned_api import HOLD, CannedApi, problem, stream, told
from lab.waiting import wait_until
from lab.written_books import SYMBOL, snapshot, update

STEP = 0.05


class Gate:
    """A piece of an answer that comes when it is opened."""

    def __init__(self, *pieces: bytes) -> None:
        self._opened = threading.Event()
        self._pieces = pieces

    def open(self) -> None:
        self._opened.set()

    def __iter__(self) -> Iterator[bytes]:
        yield from stream(told(snapshot(3)))
        if self._pieces:
            self._opened.wait(20)
        yield from self._pieces
        yield HOLD


async def test_step_that_times_out_loses_neither_stream_nor_event() -> None:
    gate = Gate(told(update(4)), told(update(5)))
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


async def test_step_that_times_out_while_connecting_goes_on_with_the_next() -> None:
    with CannedApi(Gate()) as api:
        books = aiter(watch(api.url, SYMBOL))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(books), 0.0001)
        assert (await asyncio.wait_for(anext(books), 20)).is_live


async def test_second_task_that_waits_for_the_same_watch_gets_a_clear_error() -> None:
    gate = Gate(told(update(4)))
    with CannedApi(gate) as api:
        books = aiter(watch(api.url, SYMBOL))
        await anext(books)
        first = asyncio.ensure_future(anext(books))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task waits"):
            await anext(books)
        gate.open()
        book: LiveBook = await asyncio.wait_for(first, 20)
        assert book.seq == 4


async def test_watch_ends_after_a_refusal_and_stays_ended() -> None:
    with CannedApi(problem(404, "no symbol", ["BTC/USD"])) as api:
        books = aiter(watch(api.url, "BTC/US"))
        with pytest.raises(UnknownSymbol):
            await anext(books)
        with pytest.raises(StopAsyncIteration):
            await anext(books)


async def _gone(api: CannedApi) -> None:
    before = asyncio.all_tasks()
    await asyncio.to_thread(wait_until, lambda: api.open_connections == 0, "no connection is left")
    assert asyncio.all_tasks() <= before


@pytest.mark.usefixtures("no_garbage_of_other_tests")
@pytest.mark.filterwarnings("error")
async def test_loop_that_is_left_leaves_its_connection_though_the_watch_is_kept() -> None:
    with CannedApi(Gate()) as api:
        books = watch(api.url, SYMBOL)
        async for _ in books:
            break
        await _gone(api)
        assert books.books[SYMBOL].seq == 3


@pytest.mark.usefixtures("no_garbage_of_other_tests")
@pytest.mark.filterwarnings("error")
async def test_iterator_dropped_after_a_cancelled_step_leaves_its_connection() -> None:
    with CannedApi(Gate()) as api:
        books = aiter(watch(api.url, SYMBOL))
        await anext(books)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(books), STEP)
        del books
        gc.collect()
        await _gone(api)


async def test_block_that_ends_while_another_task_waits_ends_that_wait() -> None:
    async def follow() -> int:
        return len([book async for book in books])

    with CannedApi(Gate()) as api:
        async with watch(api.url, SYMBOL) as books:
            task = asyncio.create_task(follow())
            await asyncio.to_thread(wait_until, lambda: books.books, "the book is there")
        assert await asyncio.wait_for(task, 20) == 1
        await _gone(api)


class Alarm(Exception):
    """Raised by a handler of a signal."""


@contextmanager
def signal_in(seconds: float, error: type[BaseException]) -> Iterator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, Alarm])
def test_plain_step_that_is_interrupted_goes_on_with_a_fresh_book(
    error: type[BaseException],
) -> None:
    with CannedApi(Gate(), stream(told(snapshot(9)), HOLD)) as api:
        books = iter(watch(api.url, SYMBOL))
        assert next(books).seq == 3
        with pytest.raises(error), signal_in(STEP, error):
            next(books)
        wait_until(lambda: api.open_connections == 0, "the connection is left")
        assert (next(books).reason, next(books).reason) == ("disconnected", "no book yet")
        book = next(books)
        assert (book.is_live, book.seq) == (True, 9)


def test_ctrl_c_in_a_plain_loop_has_a_short_trace() -> None:
    with CannedApi(Gate()) as api:
        books = iter(watch(api.url, SYMBOL))
        next(books)
        with pytest.raises(KeyboardInterrupt) as caught, signal_in(STEP, KeyboardInterrupt):
            next(books)
    lines = traceback.format_exception(caught.value)
    assert not any("httpcore" in line or "During handling" in line for line in lines)
    assert len(caught.traceback) == 2


def test_second_thread_that_waits_for_the_same_watch_gets_a_clear_error() -> None:
    gate = Gate(told(update(4)))
    with CannedApi(gate) as api:
        books = iter(watch(api.url, SYMBOL))
        next(books)
        thread = threading.Thread(target=next, args=(books,))
        thread.start()

        def is_refused() -> bool:
            assert isinstance(books, BlockingBooks)
            try:
                with signal_in(0.5, Alarm):
                    next(books)
            except RuntimeError as error:
                return "another thread waits" in str(error)
            return False

        wait_until(is_refused, "the second is refused")
        gate.open()
        thread.join(20)
