"""Paths and methods that the api does not serve, and the head of a stream."""

from __future__ import annotations

import httpx
import pytest

from tests.api.http.problem_check import PROBLEM, assert_problem


@pytest.mark.parametrize("path", ["/depth/", "/stream/", "/"])
async def test_control_characters_in_paths_are_escaped(
    client: httpx.AsyncClient, btc: None, path: str
) -> None:
    for sent in ("%1b%5b2J", "%c2%9b2J", "%e2%80%ae", "%7f%00%0a"):
        answer = await client.get(f"{path}{sent}/USD")
        assert answer.status_code == 404
        assert answer.text.isprintable()
        assert answer.json()["instance"] == f"{path}{sent}/USD"


@pytest.mark.parametrize("path", ["/nothing", "/depth", "/page/nothing.js", "/page/"])
async def test_unknown_path_is_a_404_problem(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path, follow_redirects=True), 404, "no-such-route")


@pytest.mark.parametrize("path", ["/symbols", "/books", "/depth/BTC/USD", "/stream/BTC/USD"])
async def test_other_methods_are_a_405_with_the_allowed_ones(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.post(path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == PROBLEM
    # The order is the same on every replica.
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert answer.json()["detail"] == "POST is not allowed here, only GET, HEAD, OPTIONS"


async def test_stream_of_unknown_symbol_is_a_404(client: httpx.AsyncClient, btc: None) -> None:
    assert_problem(await client.get("/stream/NOPE/USD"), 404, "unknown-symbol")


async def test_head_of_a_stream_has_its_headers(client: httpx.AsyncClient, btc: None) -> None:
    answer = await client.head("/stream/BTC/USD")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("path", ["/", "/kraken-book.js", "/favicon.ico", "/page/page.js"])
async def test_unchanged_file_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(path)
    assert first.content
    assert first.headers["Cache-Control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
