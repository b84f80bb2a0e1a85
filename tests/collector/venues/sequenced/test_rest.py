"""REST requests are sent in order, within the weight limit, and pause after 429 and 418."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from collector.venues.coinbase.venue import coinbase_traits
from collector.venues.sequenced.rest import Answer, RestClient, RestFailed, WeightBudget
from collector.venues.sequenced.venue import SequencedVenue
from lab.ports import InvalidPort
from lab.waiting import async_wait_until, cancel


class Venue:
    """A REST server that answers by path, and notes the requests."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.refusals: list[tuple[int, str]] = []
        self.headers: dict[str, str] = {}

    def answer(self, _connection: ServerConnection, request: Request) -> Response:
        self.paths.append(request.path)
        if self.refusals:
            status, after = self.refusals.pop(0)
            headers = Headers({"Retry-After": after} if after else {})
            return Response(status, HTTPStatus(418 if status == 418 else status).phrase, headers)
        body = request.path.encode()
        return Response(
            200, "OK", Headers({"Content-Length": str(len(body)), **self.headers}), body
        )


@asynccontextmanager
async def running(venue: Venue, weight_per_minute: int = 1000) -> AsyncIterator[RestClient]:
    async def refuse(_websocket: ServerConnection) -> None:
        raise AssertionError("only REST is served")

    async with serve(refuse, "127.0.0.1", 0, process_request=venue.answer) as server:
        port = server.sockets[0].getsockname()[1]
        client = RestClient("toy", f"http://127.0.0.1:{port}", weight_per_minute)
        task = asyncio.create_task(client.run())
        yield client
        await cancel(task)


async def test_body_is_returned_and_a_failure_is_named() -> None:
    venue = Venue()
    async with running(venue) as client:
        assert await client.get("/a", 1) == b"/a"
        venue.refusals = [(500, "")]
        with pytest.raises(RestFailed, match="/b: status 500"):
            await client.get("/b", 1)


@pytest.mark.parametrize("status", [429, 418])
async def test_rate_limited_request_is_repeated_after_retry_after(
    status: int,
) -> None:
    venue = Venue()
    venue.refusals = [(status, "1")]
    async with running(venue) as client:
        assert await client.get("/a", 1) == b"/a"
    assert venue.paths == ["/a", "/a"]


async def test_unwanted_request_is_not_sent() -> None:
    venue = Venue()
    answers: list[Answer] = []
    async with running(venue) as client:
        client.ask("/lost", 1, answers.append, lambda: False)
        client.ask("/kept", 1, answers.append, lambda: True)
        await async_wait_until(lambda: answers, "the wanted one is answered")
    assert (answers, venue.paths) == ([b"/kept"], ["/kept"])


@pytest.mark.parametrize("url", ["http://192.0.2.2", "https://192.0.2.2"])
async def test_invalid_proxy_fails_each_request_and_is_named(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with InvalidPort() as port:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{port.number}")
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        client = RestClient("toy", url, 1000)
        task = asyncio.create_task(client.run())
        for path in ("/a", "/b"):
            with pytest.raises(RestFailed, match=f"{path}: ALL_PROXY is not the address"):
                await client.get(path, 1)
        await cancel(task)
        assert not port.was_reached


def test_weight_of_a_minute_is_limited() -> None:
    budget = WeightBudget(100)
    budget.take(60, 0.0)
    assert budget.wait(40, 1.0) == 0
    assert budget.wait(41, 1.0) == 59.0
    assert budget.wait(41, 60.0) == 0
    # A request that is larger than the limit is made alone.
    assert budget.wait(500, 60.0) == 0


def test_weight_that_other_programs_use_counts() -> None:
    budget = WeightBudget(100)
    budget.take(10, 0.0)
    budget.note_used(90, 1.0)
    assert budget.wait(20, 2.0) == 58.0
    budget.note_used(50, 3.0)
    assert budget.wait(10, 3.0) == 0


def test_pause_delays_every_request() -> None:
    budget = WeightBudget(100)
    budget.pause(30.0)
    assert budget.wait(1, 10.0) == 20.0


async def test_venue_without_books_by_rest_says_so() -> None:
    traits = coinbase_traits(10)._replace(book=None)
    venue = SequencedVenue(traits, "ws://x", "http://x", "simulated", 10, 8, 60, 300.0)
    assert not venue.gives_books
    with pytest.raises(ValueError, match="coinbase gives no books by REST"):
        await venue.fetch_book("BTC/USD")
