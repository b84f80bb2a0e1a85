"""An api that needs keys, as a site: what browsers get before they have a key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from api.access.authenticator import Authenticator
from api.http.routes import Site
from api.http.web_settings import CorsOrigins
from runtime.redis.exchange import RedisNode
from tests.api.replica import Replica

ORIGIN = {"Origin": "https://app.example.com"}
KEY = {"Authorization": "Bearer kb_all"}


@pytest.fixture
async def client(
    redis: RedisNode, authenticator: Authenticator
) -> AsyncIterator[httpx.AsyncClient]:
    site = Site(origins=CorsOrigins.parse(ORIGIN["Origin"]))
    async with Replica(redis, authenticator=authenticator, site=site).client() as client:
        yield client


async def test_page_of_another_origin_can_read_that_its_key_is_wrong(
    client: httpx.AsyncClient,
) -> None:
    for headers in ({}, {"Authorization": "Bearer kb_unknown"}):
        answer = await client.get("/books", headers={**ORIGIN, **headers})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("path", "method"), [("/books", "GET"), ("/tickets", "POST")])
async def test_preflight_needs_no_key(client: httpx.AsyncClient, path: str, method: str) -> None:
    asked = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    answer = await client.options(path, headers={**ORIGIN, **asked})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]


async def test_ticket_is_neither_compressed_nor_redirected(client: httpx.AsyncClient) -> None:
    answer = await client.post("/tickets", headers={**KEY, "Accept-Encoding": "gzip, zstd"})
    ticket = answer.json()["ticket"]
    assert "content-encoding" not in answer.headers
    wrong = await client.get("//stream/BTC/USD", params={"ticket": ticket})
    assert wrong.status_code in (401, 404)
    assert ticket not in f"{wrong.headers}{wrong.text}"


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/robots.txt", "/page/page.js"])
async def test_files_of_the_page_need_no_key(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200
