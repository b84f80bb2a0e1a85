"""The clients: what they return, what they verify, what they try again, and what they raise.

Each scene runs twice: against `Client` and against `AsyncClient`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from kraken_book import (
    AsyncClient,
    BookInvalid,
    Client,
    NotLive,
    ServiceUnavailable,
    TimedOut,
    TooManyRequests,
    UnknownSymbol,
    Unusable,
    WrongServer,
    get_book,
    get_books,
    get_symbols,
    list_symbols,
)
from lab.canned_api import HOLD, Answer, CannedApi, answer
from lab.written_books import SYMBOL
from tests.kraken_book.client.depth_answers import depth, depth_members, problem_of

OTHER = "ETH/USD"
NOW = "retry-after: 0"
NEVER = "http://127.0.0.1:1"

Call = Callable[..., Awaitable[Any]]
Open = Callable[..., Any]


@pytest.fixture(params=["Client", "AsyncClient"])
def opened(request: pytest.FixtureRequest) -> Open:
    """Return a function that opens a client, the methods of which can be awaited."""

    @asynccontextmanager
    async def asynchronous(url: str, **limits: Any) -> AsyncIterator[Any]:
        async with AsyncClient(url, **limits) as client:
            yield client

    @asynccontextmanager
    async def blocking(url: str, **limits: Any) -> AsyncIterator[Any]:
        with Client(url, **limits) as client:
            yield Threaded(client)

    return blocking if request.param == "Client" else asynchronous


class Threaded:
    """A blocking client, each call of which runs in a thread of its own."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Call:
        async def call(*arguments: Any, **options: Any) -> Any:
            return await asyncio.to_thread(getattr(self._client, name), *arguments, **options)

        return call


async def test_book_is_verified_and_keeps_its_status_and_age(opened: Open) -> None:
    with CannedApi(depth(7)) as api:
        async with opened(api.url) as client:
            book = await client.get_book("btc-usd")
        assert api.requests[0].target == "/depth/btc-usd"
    assert (book.symbol, book.status, book.source) == (SYMBOL, "live", "simulated")
    assert book.is_live
    assert (book.seq, book.age_ms, book.event_id) == (7, 12, "1000-7")
    price, qty = book.best_bid
    assert (price, qty) == ("100.0", "0.00000007")
    assert book.mid == Decimal("100.50")
    assert book.cost("buy", 1).worst == Decimal("101.0")


async def test_symbol_is_quoted_in_the_path_below_the_prefix(opened: Open) -> None:
    with CannedApi(depth(7)) as api:
        async with opened(f"{api.url}/books/", key="k" * 20) as client:
            await client.get_book(SYMBOL)
        (request,) = api.requests
    assert request.target == "/books/depth/BTC%2FUSD"
    assert request.headers["authorization"] == f"Bearer {'k' * 20}"


WRONG_BOOKS: dict[str, tuple[dict[str, Any], str]] = {
    "another checksum": ({"checksum": 1}, "checksum"),
    "a quantity with too many decimals": ({"bids": [["100.0", "0.000000001"]]}, "level"),
    "a book of another symbol": ({"symbol": OTHER}, "unverified"),
    "an impossible depth": ({"depth": 11}, "level"),
}


async def test_book_that_cannot_be_verified_is_asked_for_again(opened: Open) -> None:
    async def scene(members: dict[str, Any], reason: str) -> None:
        with CannedApi(depth(3, **members), depth(4)) as api:
            async with opened(api.url, attempts=2) as client:
                assert (await client.get_book(SYMBOL)).seq == 4
        with CannedApi(depth(3, **members)) as api:
            async with opened(api.url, attempts=1) as client:
                with pytest.raises(BookInvalid) as caught:
                    await client.get_book(SYMBOL)
        assert caught.value.reason == reason

    # Together, because each waits before its second attempt.
    await asyncio.gather(*(scene(*case) for case in WRONG_BOOKS.values()))


TRANSIENT: dict[str, Answer] = {
    "a limit": problem_of(429, "too-many-requests", NOW),
    "an outage": problem_of(503, "redis-away", NOW),
    "no book": problem_of(503, "no-book", NOW, book=None),
    "a stale book": problem_of(503, "stale-book", NOW, book=depth_members(3, status="stale")),
    "a proxy without replicas": answer(502, b"<html>"),
    "a syncing book": depth(3, status="syncing"),
    "a broken connection": [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n["],
}


async def test_transient_answer_is_followed_by_another_attempt(opened: Open) -> None:
    async def scene(name: str) -> None:
        with CannedApi(TRANSIENT[name], depth(4)) as api:
            async with opened(api.url, attempts=2) as client:
                assert (await client.get_book(SYMBOL)).seq == 4, name

    await asyncio.gather(*(scene(name) for name in TRANSIENT))


async def test_last_attempt_raises_what_it_met(opened: Open) -> None:
    limited = problem_of(429, "too-many-requests", NOW)
    with CannedApi(limited, limited, depth(4)) as api:
        async with opened(api.url, attempts=2) as client:
            with pytest.raises(TooManyRequests) as caught:
                await client.get_book(SYMBOL)
        assert len(api.requests) == 2
    assert (caught.value.retry_after, caught.value.code) == (0.0, "too-many-requests")


async def test_pause_that_is_longer_than_the_timeout_is_left_to_the_caller(opened: Open) -> None:
    with CannedApi(problem_of(429, "too-many-requests", "retry-after: 30"), depth(4)) as api:
        async with opened(api.url, timeout=5) as client:
            with pytest.raises(TooManyRequests, match="try again in 30 s") as caught:
                await client.get_book(SYMBOL)
        assert len(api.requests) == 1
    assert caught.value.retry_after == 30.0


async def test_silent_server_is_abandoned_after_the_timeout(opened: Open) -> None:
    with CannedApi([HOLD]) as api:
        async with opened(api.url, timeout=0.1, attempts=1) as client:
            with pytest.raises(TimedOut, match=r"no answer within 0\.1 s"):
                await client.get_symbols()


async def test_book_that_is_not_live_is_an_error_that_has_it(opened: Open) -> None:
    stale = problem_of(503, "stale-book", book=depth_members(3, status="stale", age_ms=60_000))
    for script in (stale, depth(3, status="syncing")):
        with CannedApi(script) as api:
            async with opened(api.url, attempts=1) as client:
                with pytest.raises(NotLive) as caught:
                    await client.get_book(SYMBOL)
        book = caught.value.book
        assert book is not None
        assert (book.seq, book.is_live) == (3, False)


async def test_book_that_is_not_live_is_returned_on_demand_with_its_status(opened: Open) -> None:
    stale = problem_of(503, "stale-book", book=depth_members(3, status="stale", age_ms=60_000))
    with CannedApi(stale, depth(3, status="syncing")) as api:
        async with opened(api.url) as client:
            first = await client.get_book(SYMBOL, only_live=False)
            second = await client.get_book(SYMBOL, only_live=False)
    assert (first.status, first.age_ms, first.seq) == ("stale", 60_000, 3)
    assert second.status == "syncing"


async def test_last_known_book_that_cannot_be_verified_is_not_given(opened: Open) -> None:
    wrong = problem_of(503, "stale-book", book=depth_members(3, status="stale", checksum=1))
    with CannedApi(wrong) as api:
        async with opened(api.url, attempts=1) as client:
            with pytest.raises(NotLive) as caught:
                await client.get_book(SYMBOL, only_live=False)
    assert caught.value.book is None


async def test_unknown_symbol_is_not_asked_for_again(opened: Open) -> None:
    with CannedApi(problem_of(404, "unknown-symbol", symbols=[SYMBOL]), depth(4)) as api:
        async with opened(api.url) as client:
            with pytest.raises(UnknownSymbol) as caught:
                await client.get_book("BTC/US")
        assert len(api.requests) == 1
    assert caught.value.symbols == [SYMBOL]


async def test_books_come_in_the_order_of_their_names(opened: Open) -> None:
    with CannedApi(depth(3, OTHER), depth(4, SYMBOL)) as api:
        async with opened(api.url) as client:
            # The canned answers have an order, so one name is asked for after the other.
            books = await client.get_books([OTHER])
            books |= await client.get_books("btc-usd")
    assert {symbol: book.seq for symbol, book in books.items()} == {OTHER: 3, SYMBOL: 4}


async def test_all_books_are_those_of_the_list_of_symbols(opened: Open) -> None:
    with CannedApi(answer(200, b'["BTC/USD"]'), depth(4)) as api:
        async with opened(api.url) as client:
            assert list(await client.get_books("*")) == [SYMBOL]
        assert [request.target for request in api.requests] == ["/symbols", "/depth/BTC%2FUSD"]


async def test_failure_of_one_book_is_raised_as_it_is(opened: Open) -> None:
    missing = problem_of(404, "unknown-symbol", symbols=[])
    with CannedApi(missing, missing, missing) as api:
        async with opened(api.url) as client:
            with pytest.raises(UnknownSymbol):
                await client.get_books("A/B", "C/D", "E/F")


async def test_symbols_of_another_server_are_refused(opened: Open) -> None:
    for body, kind in ((b"<html>", "text/html"), (b'{"a":1}', "application/json")):
        with CannedApi(answer(200, body, f"content-type: {kind}")) as api:
            async with opened(api.url) as client:
                with pytest.raises(WrongServer, match="is not a kraken-book api") as caught:
                    await client.get_symbols()
        assert f"answers {kind}" in str(caught.value)


def test_repr_of_a_client_has_the_address_without_secrets() -> None:
    with Client("http://user:secret@localhost:3000/a") as client:
        assert repr(client) == "<Client of http://localhost:3000/a>"
        watching = client.watch("BTC/USD", "*")
    assert repr(watching) == "<Watch BTC/USD, * at http://localhost:3000/a>"


async def test_blocking_functions_work_while_an_event_loop_runs() -> None:
    with CannedApi(depth(4), depth(5), answer(200, b'["BTC/USD"]')) as api:
        assert get_book(api.url, SYMBOL).seq == 4
        assert get_books(api.url, SYMBOL)[SYMBOL].seq == 5
        assert get_symbols(api.url) == [SYMBOL]


async def test_old_name_of_the_list_of_symbols_works_and_says_the_new_one() -> None:
    listed = answer(200, b'["BTC/USD"]')
    with CannedApi(listed) as api, pytest.warns(DeprecationWarning, match="get_symbols"):
        assert await list_symbols(api.url) == [SYMBOL]


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), None, "5", True])
def test_impossible_timeout_is_an_error(timeout: Any) -> None:
    for call in (Client, get_symbols):
        with pytest.raises(Unusable, match=r"^timeout=.*use seconds above 0"):
            call(NEVER, timeout=timeout)


@pytest.mark.parametrize("attempts", [0, -1, 1.5, None, "3", True, 10**9])
def test_impossible_number_of_attempts_is_an_error(attempts: Any) -> None:
    with pytest.raises(Unusable, match=r"^attempts=.*use a whole number"):
        AsyncClient(NEVER, attempts=attempts)


@pytest.mark.parametrize("symbol", ["..", ".", "/", "../.."])
def test_name_that_would_be_another_path_is_no_symbol(symbol: str) -> None:
    with pytest.raises(Unusable, match="is no symbol: use a name such as BTC/USD"):
        get_books(NEVER, symbol)


@pytest.mark.parametrize("symbol", ["*", "BTC/USD,ETH/USD", "", " "])
def test_one_book_needs_one_symbol(symbol: str) -> None:
    with Client(NEVER) as client, pytest.raises(Unusable, match="symbol such as BTC/USD"):
        client.get_book(symbol)


@pytest.mark.parametrize("pattern", ["BTC/*", "*/USD", "binance:*", "!BTC/USD"])
def test_wildcard_is_no_single_symbol(pattern: str) -> None:
    with (
        Client(NEVER) as client,
        pytest.raises(Unusable, match=r"is a pattern, .* get_books\(\) returns the books"),
    ):
        client.get_book(pattern)


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [("**", "is no symbol"), ("b*:BTC/USD", "is no symbol"), ("!BTC/USD", "at least one symbol")],
)
def test_invalid_wildcard_is_refused_with_what_is_accepted(pattern: str, wrong: str) -> None:
    with Client(NEVER) as client:
        for call in (client.get_books, client.watch):
            with pytest.raises(Unusable, match=wrong):
                call(SYMBOL, pattern)


async def test_closed_client_says_that_it_is_closed(opened: Open) -> None:
    with CannedApi(answer(200, b'["BTC/USD"]')) as api:
        async with opened(api.url) as client:
            assert await client.get_symbols() == [SYMBOL]
        with pytest.raises(RuntimeError, match=r"Client is closed: make another"):
            await client.get_symbols()
        with pytest.raises(RuntimeError, match=r"Client is closed: make another"):
            await client.get_books(SYMBOL)
        assert len(api.requests) == 1


def test_client_can_be_closed_again() -> None:
    client, other = Client(NEVER), AsyncClient(NEVER)

    async def close_twice() -> None:
        await other.aclose()
        await other.aclose()

    client.close()
    client.close()
    asyncio.run(close_twice())


def test_client_of_another_event_loop_says_so() -> None:
    listed = answer(200, b'["BTC/USD"]')
    with CannedApi(listed, listed) as api:
        client = AsyncClient(api.url)
        assert asyncio.run(client.get_symbols()) == [SYMBOL]
        with pytest.raises(RuntimeError, match="one AsyncClient for each "):
            asyncio.run(client.get_symbols())
        assert len(api.requests) == 1


def test_no_attempt_is_left_after_an_unavailable_api() -> None:
    with CannedApi(answer(500, b"x" * 200_000)) as api, pytest.raises(ServiceUnavailable) as caught:
        get_book(api.url, SYMBOL, attempts=1)
    assert (caught.value.status, caught.value.is_transient) == (500, True)
