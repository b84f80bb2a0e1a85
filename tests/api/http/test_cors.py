"""Pages of allowed origins can read every answer, also errors and streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.http.routes import Site
from api.http.web_settings import CorsOrigins
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import Replica

ORIGIN = "https://app.example.com"
EXPOSED = {
    *("ETag", "X-Book-Age-Ms", "X-Book-Source", "X-Request-ID"),
    *("Retry-After", "RateLimit", "RateLimit-Policy"),
    *("Link", "X-Events-First-Id", "X-Events-Last-Id", "X-Events-Trimmed"),
}


def site(origins: str) -> Site:
    return Site(origins=CorsOrigins.parse(origins))


@pytest.fixture
async def cors(redis: RedisNode) -> AsyncIterator[httpx.AsyncClient]:
    replica = Replica(redis, site=site(f"{ORIGIN},https://*.example.org"))
    async with replica.client() as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/books", 200),
        ("GET", "/depth/BTC/USD", 200),
        ("HEAD", "/stream/BTC/USD", 200),
        ("GET", "/books/", 308),
        ("GET", "/depth/BTC/USD?levels=x", 400),
        ("GET", "/depth/NO/PE", 404),
        ("GET", "/nothing", 404),
        ("POST", "/books", 405),
        ("OPTIONS", "/books", 204),
    ],
)
@pytest.mark.parametrize("origin", [ORIGIN, "https://a.example.org"])
async def test_page_of_allowed_origin_can_read_every_answer(
    cors: httpx.AsyncClient, btc: None, method: str, path: str, status: int, origin: str
) -> None:
    answer = await cors.request(method, path, headers={"Origin": origin})
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == origin
    assert set(answer.headers["access-control-expose-headers"].split(", ")) == EXPOSED
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


class BrokenNode(OneNode):
    """A Redis that raises an unexpected exception."""

    async def call(self, key: str, *command: Any) -> Any:
        raise ZeroDivisionError(f"a mistake in {command[0]} of {key}")


async def test_page_can_read_a_failure_and_an_outage(redis: RedisNode, cors: Any) -> None:
    failing = Replica(redis, nodes=BrokenNode(redis), site=site(ORIGIN))
    async with failing.client() as client:
        failure = await client.get("/depth/BTC/USD", headers={"Origin": ORIGIN})
    outage = await cors.get("/depth/BTC/USD", headers={"Origin": ORIGIN})
    for answer, status in ((failure, 500), (outage, 503)):
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("origin", ["https://evil.com", "null", f"{ORIGIN}.evil.com"])
async def test_page_of_another_origin_cannot_read(cors: httpx.AsyncClient, origin: str) -> None:
    answer = await cors.get("/healthz", headers={"Origin": origin})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


def preflight(origin: str = ORIGIN, method: str = "GET", **more: str) -> dict[str, str]:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return asked | {name.replace("_", "-"): value for name, value in more.items()}


@pytest.mark.parametrize("path", ["/stream/BTC/USD", "/depth/BTC/USD", "/tickets", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_preflight_allows_the_headers_of_readers(
    cors: httpx.AsyncClient, path: str, method: str
) -> None:
    names = "authorization,last-event-id,if-none-match,x-request-id,cache-control"
    asked = preflight(method=method, Access_Control_Request_Headers=names)
    answer = await cors.options(path, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert set(names.split(",")) <= set(allowed)
    assert answer.headers["access-control-max-age"] == "7200"
    assert "Origin" in answer.headers["vary"]
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "asked",
    [
        preflight("https://evil.com"),
        preflight(method="DELETE"),
        preflight(Access_Control_Request_Headers="X-Evil"),
    ],
)
async def test_preflight_of_anything_else_is_refused(
    cors: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    assert (await cors.options("/books", headers=asked)).status_code == 400


async def test_only_named_origins_may_reach_a_private_network(redis: RedisNode) -> None:
    asked = preflight(Access_Control_Request_Private_Network="true")
    for origins, status in ((ORIGIN, 200), ("*", 400)):
        async with Replica(redis, site=site(origins)).client() as client:
            assert (await client.options("/books", headers=asked)).status_code == status


async def test_any_origin_may_be_allowed(redis: RedisNode) -> None:
    async with Replica(redis, site=site("*")).client() as client:
        answer = await client.get("/healthz", headers={"Origin": "https://any.example"})
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_without_the_setting_no_origin_is_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"Origin": ORIGIN})
    asked = await client.options("/healthz", headers=preflight())
    for each in (answer, asked):
        assert not any(name.startswith("access-control") for name in each.headers)
    assert asked.status_code == 204
