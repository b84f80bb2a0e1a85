"""Query parameters and headers: valid ones are parsed, others are a 400 with their name."""

from __future__ import annotations

import httpx
import pytest
from starlette.requests import Request

from api.delivery.stream_start import StreamRequest
from api.http.parameters import parse_levels, parse_stream_request
from api.http.problems import Problem
from tests.api.http.problem_check import assert_problem


@pytest.mark.parametrize(
    "levels", ["0", "-1", "1.5", "ten", "", "1e3", "+5", " 5", "\u0665", "000"]
)
async def test_invalid_levels_is_a_400(client: httpx.AsyncClient, btc: None, levels: str) -> None:
    answer = await client.get("/depth/BTC/USD", params={"levels": levels})
    assert assert_problem(answer, 400, "bad-parameter")["parameter"] == "levels"


def test_parse_levels_ignores_leading_zeros_and_refuses_zero() -> None:
    assert parse_levels(None) is None
    assert parse_levels("10") == 10
    assert parse_levels("0000000010") == 10
    with pytest.raises(Problem):
        parse_levels("0")


async def test_repeated_levels_is_a_400(client: httpx.AsyncClient, btc: None) -> None:
    answer = await client.get("/depth/BTC/USD?levels=1&levels=2")
    assert assert_problem(answer, 400, "bad-parameter")["parameter"] == "levels"


@pytest.mark.parametrize("event_id", ["abc", "1", "1-", "-1", "1-1-1", "1-x", "\u0661-1", "1 -1"])
@pytest.mark.parametrize("where", ["header", "parameter"])
async def test_invalid_event_id_is_a_400(
    client: httpx.AsyncClient, btc: None, event_id: str, where: str
) -> None:
    if where == "header":
        if not event_id.isascii():
            event_id = "\xb2-1"
        headers = {b"Last-Event-ID": event_id.encode("latin-1")}
        answer = await client.get("/stream/BTC/USD", headers=headers)
    else:
        answer = await client.get("/stream/BTC/USD", params={"last_event_id": event_id})
    named = {"header": "Last-Event-ID", "parameter": "last_event_id"}[where]
    assert assert_problem(answer, 400, "bad-parameter")["parameter"] == named


@pytest.mark.parametrize("name", ["levels", "view", "interval", "last_event_id"])
async def test_repeated_parameter_of_a_stream_is_a_400_with_its_name(
    client: httpx.AsyncClient, btc: None, name: str
) -> None:
    answer = await client.head(f"/stream/BTC/USD?{name}=1&{name}=1")
    assert answer.status_code == 400
    answer = await client.get(f"/stream?symbols=BTC/USD&{name}=1&{name}=1")
    assert assert_problem(answer, 400, "bad-parameter")["parameter"] == name


def test_repeated_symbols_are_joined() -> None:
    assert asked_by("symbols=BTC/USD&symbols=eth-usd,%20sol-usd&symbols=").names == (
        *("BTC/USD", "eth-usd"),
        "sol-usd",
    )
    assert asked_by("symbols=*&symbols=*").names is None
    with pytest.raises(Problem, match="all books"):
        asked_by("symbols=*&symbols=BTC/USD")


def asked_by(query: str) -> StreamRequest:
    scope = {"type": "http", "query_string": query.encode(), "headers": [], "path_params": {}}
    return parse_stream_request(Request(scope))
