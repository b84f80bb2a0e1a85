"""One request: its limits in bytes and time, with and without asyncio."""

from __future__ import annotations

import gzip
from itertools import chain, repeat

import pytest

from kraken_book import TimedOut
from kraken_book.client.address import ApiAddress
from kraken_book.client.fetch import Answer, NoAnswer, fetch, fetch_async, one_request_timeout
from lab.canned_api import CannedApi, answer, dribbled
from lab.ports import InvalidPort

MEBI = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


async def fetched(api: CannedApi, seconds: float = 5.0) -> Answer:
    address = ApiAddress(api.url)
    async with address.async_client(one_request_timeout(seconds)) as client:
        return await fetch_async(client, address, "/symbols", seconds)


def fetched_blocking(api: CannedApi, seconds: float = 5.0) -> Answer:
    address = ApiAddress(api.url)
    with address.client(one_request_timeout(seconds)) as client:
        return fetch(client, address, "/symbols", seconds)


async def test_answer_has_limits_in_bytes_and_encoding() -> None:
    packed = answer(200, gzip.compress(b"[" * MEBI), "content-encoding: gzip")
    for words in ("more than", "compressed"):
        for is_blocking in (True, False):
            script = chain([HEAD], repeat(b"[" * 65536)) if words == "more than" else packed
            with CannedApi(script) as api, pytest.raises(NoAnswer, match=words):
                _ = fetched_blocking(api) if is_blocking else await fetched(api)


async def test_answer_that_trickles_in_is_abandoned_in_time() -> None:
    with CannedApi(dribbled([HEAD, b"["]), dribbled([HEAD, b"["])) as api:
        with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s"):
            fetched_blocking(api, 0.2)
        with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s") as caught:
            await fetched(api, 0.2)
    error = caught.value.error(ApiAddress("http://here"))
    assert isinstance(error, TimedOut)
    assert (
        str(error) == "http://here: no answer within 0.2 s; if the server is slow, raise timeout="
    )


async def test_redirects_are_followed_to_a_limit_without_reading_their_bodies() -> None:
    endless = chain([b"HTTP/1.1 302 So\r\nlocation: /there\r\n\r\n"], repeat(b"x" * 65536))
    with CannedApi(endless, answer(200, b"[]")) as api:
        assert fetched_blocking(api).body == b"[]"
        assert [request.target for request in api.requests] == ["/symbols", "/there"]
        assert api.bytes_sent < 16 * MEBI
    circle = [answer(302, b"", "location: /symbols")] * 12
    with CannedApi(*circle) as api:
        with pytest.raises(NoAnswer, match="too many redirects"):
            fetched_blocking(api)
        with pytest.raises(NoAnswer, match="too many redirects"):
            await fetched(api)


async def test_redirect_to_an_invalid_port_reaches_no_other_port() -> None:
    with InvalidPort() as port:
        moved = answer(307, b"", f"location: https://127.0.0.1:{port.number}/symbols")
        with CannedApi(moved, moved) as api:
            for is_blocking in (True, False):
                with pytest.raises(NoAnswer, match=f"port {port.number}; ports are 1 to 65535"):
                    _ = fetched_blocking(api) if is_blocking else await fetched(api)
        assert not port.was_reached


def test_key_is_not_sent_to_another_server() -> None:
    with CannedApi(answer(200, b"[]")) as there:
        moved = answer(307, b"", f"location: {there.url}/symbols")
        with CannedApi(moved) as api:
            address = ApiAddress(api.url, "k" * 20)
            with address.client(one_request_timeout(5.0)) as client:
                assert fetch(client, address, "/symbols", 5.0).status == 200
            assert "authorization" in api.requests[0].headers
        assert "authorization" not in there.requests[0].headers


def test_refused_connection_names_the_address_and_asks_for_an_api() -> None:
    address = ApiAddress("http://user:secret@127.0.0.1:1")
    with (
        address.client(one_request_timeout(1.0)) as client,
        pytest.raises(NoAnswer) as caught,
    ):
        fetch(client, address, "/symbols", 1.0)
    text = "http://127.0.0.1:1: connection refused; is an api running there? `make run` starts one"
    assert str(caught.value.error(address)) == text


def test_broken_answer_is_an_error_of_the_connection() -> None:
    with CannedApi([b"what?\r\n\r\n"]) as api, pytest.raises(NoAnswer):
        fetched_blocking(api)
