"""The past events of a book: what the clients ask for, return and refuse, page by page.

Each scene runs twice: against `Client` and against `AsyncClient`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from kraken_book import (
    AsyncClient,
    BookInvalid,
    Client,
    Lagged,
    PastEvent,
    Refused,
    ServiceUnavailable,
    Snapshot,
    UnknownSymbol,
    Unreachable,
    Unusable,
    Update,
    WrongKey,
    WrongPath,
    WrongServer,
    get_events,
    iter_events,
)
from kraken_book.verified_book import VerifiedBook
from lab.canned_api import EPOCH, HOLD, Answer, CannedApi, answer
from lab.waiting import wait_until
from lab.written_books import SYMBOL, Event, snapshot, status, update, updates
from tests.kraken_book.client.depth_answers import JSON, problem_of

NOW = "retry-after: 0"
NEVER = "http://127.0.0.1:1"
START = 1_785_638_131_000


def stored(event: Event, symbol: str = SYMBOL, **members: object) -> dict[str, Any]:
    """Return an event of a page, with other members if they are given; its id ends with its seq."""
    return {
        "id": f"{START}-{event.seq}",
        "time": "2026-08-02T02:35:31.000000Z",
        "event": msgspec.json.decode(event.entry(EPOCH, symbol).data),
    } | members


def page(given: Sequence[Event] = (), **members: object) -> Answer:
    """Return a 200 of `/events`, with other members if they are given."""
    body = {
        "symbol": SYMBOL,
        "first_id": f"{START}-1",
        "last_id": f"{START}-6",
        "is_trimmed": False,
        "next": None,
        "events": [stored(each) for each in given],
    } | members
    return answer(200, msgspec.json.encode(body), JSON)


def link(seq: int) -> str:
    """Return the link of a page to the events after `seq`."""
    return f"?after={START}-{seq}&limit=1000"


def queries(api: CannedApi) -> list[dict[str, str]]:
    """Return the query of each request."""
    return [dict(parse_qsl(urlsplit(request.target).query)) for request in api.requests]


class Reader:
    """Gets pages and events by one kind of client.

    A canned answer ends its connection, maybe only when the next page is asked for on it. So events
    have one attempt more than the pages.
    """

    def __init__(self, kind: str) -> None:
        self._is_async = kind == "AsyncClient"

    async def page(self, url: str, *arguments: Any, key: str | None = None, **options: Any) -> Any:
        if self._is_async:
            async with AsyncClient(url, key=key, attempts=2) as client:
                return await client.get_events(*arguments, **options)
        return get_events(url, *arguments, key=key, attempts=2, **options)

    async def events(self, url: str, *arguments: Any, **options: Any) -> AsyncIterator[PastEvent]:
        if self._is_async:
            async with AsyncClient(url) as client:
                async for past in client.iter_events(*arguments, **options):
                    yield past
            return
        for past in iter_events(url, *arguments, **options):
            yield past


@pytest.fixture(params=["Client", "AsyncClient"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return Reader(request.param)


async def test_page_has_typed_events_with_ids_and_times(reader: Reader) -> None:
    written = page([snapshot(1), update(2), status(3, "syncing")], next=link(3), is_trimmed=True)
    with CannedApi(written) as api:
        got = await reader.page(api.url, "btc-usd")
        assert api.requests[0].target == "/events/btc-usd?limit=100"
    assert (got.symbol, got.is_trimmed) == (SYMBOL, True)
    assert (got.first_id, got.last_id) == (f"{START}-1", f"{START}-6")
    assert [past.id for past in got.events] == [f"{START}-{seq}" for seq in (1, 2, 3)]
    assert {past.time for past in got.events} == {"2026-08-02T02:35:31.000000Z"}
    assert [past.event.seq for past in got.events] == [1, 2, 3]
    assert isinstance(got.events[0].event, Snapshot)
    assert isinstance(got.events[1].event, Update)
    # What to pass as `after`, not the link of the route.
    assert got.next == f"{START}-3"


async def test_symbol_is_quoted_in_the_path_below_the_prefix(reader: Reader) -> None:
    with CannedApi(page()) as api:
        await reader.page(f"{api.url}/books/", SYMBOL, key="k" * 20)
        (request,) = api.requests
    assert request.target == "/books/events/BTC%2FUSD?limit=100"
    assert request.headers["authorization"] == f"Bearer {'k' * 20}"


POINTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "everything": ({}, {}),
    "an id": ({"start": "17-2", "end": "18-9"}, {"from": "17-2", "to": "18-9"}),
    "after an id": ({"after": "17-2"}, {"after": "17-2"}),
    "a time": (
        {"start": datetime(2026, 8, 2, 2, 35, 31, tzinfo=UTC)},
        {"from": "2026-08-02T02:35:31.000000Z"},
    ),
    "a time of another zone": (
        {"end": datetime(2026, 8, 2, 4, 35, 31, 250, tzinfo=timezone(timedelta(hours=2)))},
        {"to": "2026-08-02T02:35:31.000250Z"},
    ),
    "a text": ({"start": "2026-08-02T04:35:31+02:00"}, {"from": "2026-08-02T02:35:31.000000Z"}),
    "a limit": ({"limit": 1000}, {"limit": "1000"}),
}


@pytest.mark.parametrize("name", POINTS)
async def test_arguments_become_the_parameters_of_the_route(reader: Reader, name: str) -> None:
    options, query = POINTS[name]
    with CannedApi(page()) as api:
        await reader.page(api.url, SYMBOL, **options)
        assert queries(api) == [{"limit": "100"} | query]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a start and an id before it": ({"start": "1-1", "after": "1-1"}, "give start=, which is incl"),
    "a time as the id before": ({"after": "2026-08-02T02:35:31Z"}, "or start= for a time"),
    "no id before": ({"after": 7}, r"after=7: use an event's id such as"),
    "a word": ({"start": "yesterday"}, "start='yesterday': use a time with a time zone, .* or an"),
    "a time without a zone": ({"end": datetime(2026, 8, 2)}, "use a time with a time zone"),  # noqa: DTZ001
    "a number": ({"end": 1785638131660}, "end=1785638131660: use a time"),
    "no event": ({"limit": 0}, "limit=0: use a whole number from 1 to 1000, such as 100"),
    "too many events": ({"limit": 1001}, "limit=1001: use a whole number"),
    "a text as the limit": ({"limit": "5"}, "limit='5': use a whole number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_invalid_argument_is_an_error_of_the_call(name: str) -> None:
    options, words = WRONG[name]
    with Client(NEVER) as client:
        for call in (client.get_events, client.iter_events, AsyncClient(NEVER).iter_events):
            with pytest.raises(Unusable, match=words):
                call(SYMBOL, **options)
    with pytest.raises(Unusable, match=words):
        iter_events(NEVER, SYMBOL, **options)


@pytest.mark.parametrize("symbol", ["*", "BTC/*", "BTC/USD,ETH/USD", "", ".."])
def test_past_events_are_of_one_symbol(symbol: str) -> None:
    with pytest.raises(Unusable, match=r"such as BTC/USD"):
        iter_events(NEVER, symbol)


async def test_iterator_follows_the_pages_to_the_end_that_the_first_one_names(
    reader: Reader,
) -> None:
    pages = [
        page([snapshot(1), update(2)], next=link(2)),
        # New events have come. They are not asked for.
        page([update(3)], next=link(4), last_id=f"{START}-60"),
        page(next=link(5)),
        page([update(6)]),
    ]
    with CannedApi(*pages) as api:
        found = [past async for past in reader.events(api.url, SYMBOL, start="1-1")]
        asked = queries(api)
    assert [past.id for past in found] == [f"{START}-{seq}" for seq in (1, 2, 3, 6)]
    rest = {"limit": "1000", "to": f"{START}-6"}
    assert asked == [
        {"limit": "1000", "from": "1-1"},
        *({"after": f"{START}-{seq}"} | rest for seq in (2, 4, 5)),
    ]


async def test_iterator_keeps_the_end_of_the_caller(reader: Reader) -> None:
    with CannedApi(page([update(2)], next=link(2)), page()) as api:
        found = [each async for each in reader.events(api.url, SYMBOL, end=f"{START}-4", limit=1)]
        assert [query["to"] for query in queries(api)] == [f"{START}-4"] * 2
        assert [query["limit"] for query in queries(api)] == ["1"] * 2
    assert len(found) == 1


async def test_gap_between_two_pages_is_a_lagged(reader: Reader) -> None:
    pages = [
        page([snapshot(1), update(2)], next=link(2)),
        page([update(5), snapshot(6)], is_trimmed=True),
    ]
    with CannedApi(*pages) as api:
        found = [past async for past in reader.events(api.url, SYMBOL)]
    assert found[2] == PastEvent(None, None, Lagged(SYMBOL, None, "trimmed"))
    assert [past.id for past in found if past.id] == [f"{START}-{seq}" for seq in (1, 2, 5, 6)]


async def test_part_of_which_no_event_is_left_is_a_lagged(reader: Reader) -> None:
    with CannedApi(page(is_trimmed=True)) as api:
        found = [past.event async for past in reader.events(api.url, SYMBOL, start="1-1")]
    assert found == [Lagged(SYMBOL, None, "trimmed")]


async def test_stream_that_lost_its_end_between_two_pages_is_read_on(reader: Reader) -> None:
    pages = [page([update(5)], next=link(5), last_id=f"{START}-2"), page(is_trimmed=True)]
    with CannedApi(*pages) as api:
        found = [past async for past in reader.events(api.url, SYMBOL)]
        # The api refuses an end before the start.
        assert queries(api)[1] == {"after": f"{START}-5", "limit": "1000"}
    assert [past.event for past in found[1:]] == [Lagged(SYMBOL, None, "trimmed")]


async def test_past_events_lead_to_a_verified_book(reader: Reader) -> None:
    pages = [page([snapshot(1), update(2)], next=link(2)), page(updates(3, 6))]
    book = VerifiedBook(SYMBOL)
    with CannedApi(*pages) as api:
        async for past in reader.events(api.url, SYMBOL):
            book.apply(past.event)
    assert (book.counts.verified, book.counts.doubts) == (6, 0)


async def test_page_is_asked_for_again_after_a_transient_answer(reader: Reader) -> None:
    broken = [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"]
    corrupt = problem_of(503, "corrupt-events", NOW)
    first = page([snapshot(1)], next=link(1))
    with CannedApi(broken, first, corrupt, page([update(2)])) as api:
        found = [past async for past in reader.events(api.url, SYMBOL)]
        targets = [request.target for request in api.requests]
    assert [past.event.seq for past in found if not isinstance(past.event, Lagged)] == [1, 2]
    assert targets[:2] == [targets[0]] * 2
    assert targets[2:] == [targets[2]] * 2


ERRORS: dict[str, tuple[list[Answer], type[Exception], str]] = {
    "an unknown symbol": (
        [problem_of(404, "unknown-symbol", symbols=[SYMBOL])], UnknownSymbol, "unknown-symbol"
    ),
    "no key": ([problem_of(401, "key-missing")], WrongKey, "pass key="),
    "an older api": ([problem_of(404, "no-such-route")], WrongPath, "of an older version"),
    "another server": ([answer(404, b"<html>")], WrongServer, "is not a kraken-book api"),
    "a page of HTML": ([answer(200, b"<html>", "content-type: text/html")], WrongServer, "html"),
    "a part that ends before it begins": (
        [problem_of(400, "bad-parameter")], Refused, "bad-parameter it is"
    ),
    "outages": ([problem_of(503, "redis-away", NOW)] * 2, ServiceUnavailable, "redis-away"),
    "lost connections": (
        [[b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"]] * 2, Unreachable, "peer closed"
    ),
    "another symbol": ([page(symbol="ETH/USD")] * 2, BookInvalid, "asked for 'BTC/USD', got 'ETH"),
    "a link that leads back": (
        [page([update(5)], next=link(4))], WrongServer, "application/json of another form"
    ),
    "a link elsewhere": ([page(next="http://example.com/")], WrongServer, "of another form"),
    "ids that do not rise": ([page([update(5), update(5)])], WrongServer, "of another form"),
    "an event without an id": (
        [page(events=[stored(update(5), id=None)])], WrongServer, "of another form"
    ),
    "an event of another symbol": (
        [page(events=[stored(update(5), "ETH/USD")])], WrongServer, "of another form"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
async def test_answer_without_a_page_is_the_usual_error(reader: Reader, name: str) -> None:
    answers, error, words = ERRORS[name]
    with CannedApi(*answers) as api:
        with pytest.raises(error, match=words):
            await reader.page(api.url, SYMBOL)
        assert len(api.requests) == len(answers)


async def test_page_that_does_not_lead_on_ends_the_iterator_with_an_error(reader: Reader) -> None:
    empty = page(next=link(5))
    with CannedApi(empty, empty) as api:
        with pytest.raises(WrongServer):
            _ = [past async for past in reader.events(api.url, SYMBOL)]
        assert len(api.requests) == 2


async def test_link_to_another_host_is_not_followed(reader: Reader) -> None:
    with CannedApi() as other:
        away = page([update(5)], next=f"{other.url}/events/BTC%2FUSD{link(5)}")
        with CannedApi(away, page([update(6)])) as api:
            found = [past async for past in reader.events(api.url, SYMBOL)]
            assert len(api.requests) == 2
        assert other.requests == []
    assert len(found) == 2


def test_iterator_of_the_function_closes_its_connection_when_it_is_left() -> None:
    with CannedApi([*page([update(5), update(6)]), HOLD]) as api:
        for past in iter_events(api.url, SYMBOL):
            assert past.id == f"{START}-5"
            assert api.open_connections == 1
            break
        wait_until(lambda: api.open_connections == 0, "the connection is closed")


async def test_iterator_of_a_closed_client_says_that_it_is_closed() -> None:
    with Client(NEVER) as client:
        events = client.iter_events(SYMBOL)
    with pytest.raises(RuntimeError, match="Client is closed"):
        next(events)
    async with AsyncClient(NEVER) as other:
        later = other.iter_events(SYMBOL)
    with pytest.raises(RuntimeError, match="Client is closed"):
        await anext(later)
