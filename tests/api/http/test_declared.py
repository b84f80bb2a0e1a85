"""Requests with parameters that a route does not declare, and requests that are too long."""

from __future__ import annotations

import httpx
import pytest

from api.http.declared import MAX_PATH_BYTES, MAX_QUERY_BYTES, Operation
from api.http.operations import OPERATIONS
from tests.api.http.problem_check import assert_problem

CHECKED = [each for each in OPERATIONS if not each.ignores_query]


def target_of(path: str) -> str:
    return path.replace("{symbol:path}", "BTC/USD").replace("{pair:path}", "BTC/USD")


@pytest.mark.parametrize("operation", CHECKED, ids=lambda each: each.id)
async def test_unknown_parameter_is_a_400_on_every_route(
    client: httpx.AsyncClient, btc: None, operation: Operation
) -> None:
    answer = await client.request(operation.method, f"{target_of(operation.path)}?nope=1")
    body = assert_problem(answer, 400, "bad-parameter")
    assert body["parameter"] == "nope"
    assert body["detail"].startswith("nope: unknown; ")


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("/depth/BTC/USD?level=5", "level: unknown; did you mean levels?"),
        ("/depth/BTC/USD?LEVELS=5", "LEVELS: unknown; did you mean levels?"),
        ("/depth/BTC/USD?levels=5&depth", "depth: unknown; the parameters here are levels"),
        ("/stream/BTC/USD?lastEventId=1-1", "lastEventId: unknown; did you mean last_event_id?"),
        ("/stream?symbol=BTC/USD", "symbol: unknown; did you mean symbols?"),
        ("/stream/BTC/USD?tickets=x", "tickets: unknown; did you mean ticket?"),
        ("/books?x=1", "x: unknown; there are no parameters here"),
        ("/books?=1", ": unknown; there are no parameters here"),
    ],
)
async def test_nearest_known_parameter_is_named(
    client: httpx.AsyncClient, btc: None, target: str, hint: str
) -> None:
    assert assert_problem(await client.get(target), 400, "bad-parameter")["detail"] == hint


async def test_streams_know_the_ticket(client: httpx.AsyncClient, btc: None) -> None:
    assert (await client.head("/stream/BTC/USD?ticket=x")).status_code == 200
    assert (await client.head("/stream?symbols=*&ticket=x")).status_code == 200
    body = assert_problem(await client.get("/depth/BTC/USD?ticket=x"), 400, "bad-parameter")
    assert body["parameter"] == "ticket"


@pytest.mark.parametrize("path", ["/", "/docs", "/page/css/base.css"])
async def test_files_ignore_parameters(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"{path}?any=1")).status_code == 200


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.id)
async def test_long_query_is_a_414_on_every_route(
    client: httpx.AsyncClient, operation: Operation
) -> None:
    target = f"{target_of(operation.path)}?{'x' * (MAX_QUERY_BYTES + 1)}"
    answer = await client.request(operation.method, target)
    body = assert_problem(answer, 414, "uri-too-long")
    assert body["detail"] == "the query has more than 32768 bytes"


@pytest.mark.parametrize("route", ["depth", "stream", "quote", "best"])
async def test_long_path_is_a_414(client: httpx.AsyncClient, btc: None, route: str) -> None:
    name = "A" * (MAX_PATH_BYTES - len(route) - 2)
    query = "?side=buy&qty=1" if route == "quote" else ""
    assert_problem(await client.get(f"/{route}/{name}{query}"), 404, "unknown-symbol")
    answer = await client.get(f"/{route}/{name}A{query}")
    assert answer.status_code == 414
    assert answer.json()["detail"] == "the path has more than 1024 bytes"


async def test_too_many_names_are_a_400_with_the_bound(
    client: httpx.AsyncClient, btc: None
) -> None:
    names = ",".join(["BTC/USD"] * 2001)
    body = assert_problem(await client.get(f"/stream?symbols={names}"), 400, "bad-parameter")
    assert body["detail"] == "symbols: 2001 names; give at most 2000, or symbols=*"
    answer = await client.head(f"/stream?symbols={names[: -len(',BTC/USD')]}")
    assert answer.status_code == 200
