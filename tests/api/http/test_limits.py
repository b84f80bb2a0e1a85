"""Answers to callers that reach a limit, and the headers of all answers with limits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from api.access.caller import Caller
from api.access.limiter import Limiter
from api.http.proxies import TrustedProxies
from api.http.routes import Site
from kraken_book.access_keys import KeyLimits
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.http.problem_check import assert_problem
from tests.api.replica import Replica, Written

LIMITS = KeyLimits(requests=3, streams=1, symbols=1, views=1, resumes=1)
POLICY = '"requests";q=3;w=60, "resumes";q=1;w=60, "streams";q=1;qu="concurrent-requests"'


@pytest.fixture
async def limited(redis: RedisNode, btc: None) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a replica with limits, behind a trusted proxy."""
    limiter = Limiter(LIMITS, OneNode(redis), deadline=10.0)
    site = Site(proxies=TrustedProxies.parse("127.0.0.1"))
    async with Replica(redis, limiter=limiter, site=site).client() as client:
        yield client


async def test_answers_say_what_is_left(limited: httpx.AsyncClient) -> None:
    answers = [await limited.get("/depth/BTC/USD") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 200]
    left = [each.headers["ratelimit"].partition(";t=")[0] for each in answers]
    assert left == ['"requests";r=2', '"requests";r=1', '"requests";r=0']
    assert {each.headers["ratelimit-policy"] for each in answers} == {POLICY}


async def test_too_many_requests_are_a_429_that_says_when(limited: httpx.AsyncClient) -> None:
    for _ in range(3):
        await limited.get("/nothing")
    answer = await limited.get("/depth/BTC/USD")
    assert_problem(answer, 429, "too-many-requests")
    body = answer.json()
    assert (body["limit"], body["allowed"]) == ("requests", 3)
    assert answer.headers["retry-after"] == str(body["retry_after"])
    assert answer.headers["ratelimit"] == f'"requests";r=0;t={body["retry_after"]}'
    assert answer.headers["ratelimit-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_checks_are_not_limited(limited: httpx.AsyncClient, path: str) -> None:
    for _ in range(4):
        await limited.get("/books")
    answer = await limited.get(path)
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers


async def test_client_cannot_write_its_own_address(limited: httpx.AsyncClient) -> None:
    def headers(number: int) -> dict[str, str]:
        # The proxy appends the client's address to what the client has written.
        return {"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.9"}

    statuses = [
        (await limited.get("/symbols", headers=headers(number))).status_code for number in range(5)
    ]
    assert statuses == [200, 200, 200, 429, 429]
    other = await limited.get("/symbols", headers={"X-Forwarded-For": "198.51.100.10"})
    assert other.status_code == 200


async def test_stream_with_too_many_symbols_is_a_403(limited: httpx.AsyncClient) -> None:
    answer = await limited.get("/stream", params={"symbols": "BTC/USD,ETH/USD"})
    assert_problem(answer, 403, "too-many-symbols")
    assert "retry-after" not in answer.headers


async def test_stream_of_best_prices_of_too_many_venues_is_a_403(
    limited: httpx.AsyncClient, written: Written
) -> None:
    await written.symbol("coinbase:BTC/USD")
    assert (await limited.get("/best/BTC/USD")).status_code == 200
    answer = await limited.get("/best/BTC/USD/stream")
    assert_problem(answer, 403, "too-many-symbols")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (KeyLimits(streams=1), "too-many-streams"),
        (KeyLimits(views=1), "too-many-views"),
    ],
)
async def test_stream_of_best_prices_needs_a_place(
    redis: RedisNode, btc: None, limits: KeyLimits, code: str
) -> None:
    limiter = Limiter(limits, OneNode(redis), deadline=10.0)
    caller = Caller(address="127.0.0.1")
    async with Replica(redis, limiter=limiter).client() as client, limiter.stream(caller, "other"):
        answer = await client.get("/best/BTC/USD/stream")
    assert_problem(answer, 429, code)


async def test_without_limits_no_header_is_added(client: httpx.AsyncClient, btc: None) -> None:
    answer = await client.get("/depth/BTC/USD")
    assert not [name for name in answer.headers if name.startswith("ratelimit")]
