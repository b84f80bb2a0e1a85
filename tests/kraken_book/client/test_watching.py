"""`watch`: the names that it accepts, and how its loops end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest

from kraken_book import watch
from lab.canned_api import HOLD, CannedApi, sse_events, stream
from lab.waiting import wait_until
from lab.written_books import SYMBOL, snapshot, update
from tests.kraken_book.client.reader import OTHER, live_at, quick_watch, read_until, shown


@pytest.mark.parametrize("symbols", [(), ("",), (SYMBOL, "")])
def test_empty_name_or_no_name_is_refused(symbols: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="name at least one symbol"):
        watch("http://localhost:3000", *symbols)


@pytest.mark.parametrize(
    "symbols",
    [
        (["BTC/USD", "ETH/USD"],),
        (("BTC/USD", "ETH/USD"),),
        ("BTC/USD", ["ETH/USD"]),
        ("BTC/USD, ETH/USD",),
        ({"BTC/USD": 1}.keys(), {"ETH/USD"}),
        (name for name in [["BTC/USD", "ETH/USD", "BTC/USD"]]),
    ],
    ids=["list", "tuple", "mixed", "commas", "sets", "generator"],
)
def test_names_in_lists_are_accepted(symbols: tuple[str | Iterable[str], ...]) -> None:
    both = sse_events(snapshot(3)) + sse_events(snapshot(3), symbol=OTHER)
    with CannedApi(stream(both, HOLD)) as api:
        next(iter(watch(api.url, *symbols)))
    assert api.requests[0].target == "/stream?symbols=BTC%2FUSD,ETH%2FUSD"


def test_name_is_accepted_in_another_spelling() -> None:
    with CannedApi(stream(sse_events(snapshot(3)), HOLD)) as api:
        assert next(iter(watch(api.url, "btc-usd"))).symbol == SYMBOL
    assert api.requests[0].target == "/stream/btc-usd"


@pytest.mark.parametrize("wrong", [3, None, b"BTC/USD", [3], ["BTC/USD", None], {"BTC/USD": 1}])
def test_name_of_another_type_is_refused_and_shown(wrong: Any) -> None:
    with pytest.raises(TypeError, match="not a symbol: pass names such as 'BTC/USD'") as caught:
        watch("http://localhost:3000", wrong)
    assert (
        type(wrong).__name__ in str(caught.value)
        or "3" in str(caught.value)
        or "None" in str(caught.value)
    )


def test_leaving_a_plain_loop_closes_the_connection() -> None:
    with CannedApi(stream(sse_events(snapshot(3)), HOLD)) as api:
        for _ in watch(api.url, SYMBOL):
            break
        wait_until(lambda: api.open_connections == 0, "the connection is closed")


async def leave_by_break(url: str) -> None:
    async for _ in watch(url, SYMBOL):
        break
    await asyncio.sleep(0)


async def leave_by_error(url: str) -> None:
    with suppress(ZeroDivisionError):
        async for _ in watch(url, SYMBOL):
            raise ZeroDivisionError


async def leave_by_cancel(url: str) -> None:
    async def follow() -> None:
        async for _ in watch(url, SYMBOL):
            following.set()

    following = asyncio.Event()
    task = asyncio.create_task(follow())
    await following.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def leave_by_context(url: str) -> None:
    async with watch(url, SYMBOL) as books:
        async for _ in books:
            break


@pytest.mark.usefixtures("no_garbage_of_other_tests")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "leave", [leave_by_break, leave_by_error, leave_by_cancel, leave_by_context]
)
async def test_leaving_an_async_loop_leaves_neither_task_nor_socket(
    leave: Callable[[str], Awaitable[None]],
) -> None:
    with CannedApi(stream(sse_events(snapshot(3)), HOLD)) as api:
        loop, before = asyncio.get_running_loop(), asyncio.all_tasks()
        await leave(api.url)

        def is_gone() -> bool:
            return not api.open_connections and asyncio.all_tasks(loop) == before

        await asyncio.to_thread(wait_until, is_gone, "neither task nor socket is left")
        gc.collect()


async def test_async_for_yields_the_same_as_a_plain_loop() -> None:
    script = [stream(sse_events(snapshot(3), update(4))), stream(sse_events(update(5)), HOLD)]
    with CannedApi(*script) as api:
        seen = []
        async with quick_watch(api.url) as books:
            async for book in books:
                seen.append(shown(book))
                if live_at(5)(book):
                    break
        assert books.books[SYMBOL].counts.verified == 3
    with CannedApi(*script) as api:
        assert seen == await asyncio.to_thread(read_until, api, live_at(5))
