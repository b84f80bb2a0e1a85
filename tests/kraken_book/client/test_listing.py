"""The list of symbols: its answer, its refusals, and its limits in bytes and time."""

from __future__ import annotations

import gzip
from itertools import chain, repeat

import httpx
import pytest

from kraken_book import Refused, Unreachable, list_symbols
from kraken_book.client.address import ApiAddress
from kraken_book.client.listing import NoAnswer, ask
from lab.canned_api import CannedApi, answer, dribbled

MEBI = 1 << 20


async def test_list_of_symbols_has_limits_in_bytes_and_time() -> None:
    huge = chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"[" * 65536))
    slow = dribbled([b"HTTP/1.1 200 OK\r\n\r\n", b"["])
    packed = answer(200, gzip.compress(b"[" * MEBI), "content-encoding: gzip")
    for script, words in ((huge, "more than"), (slow, "within 0.5 s"), (packed, "compressed")):
        with CannedApi(script) as api:
            address = ApiAddress(api.url)
            async with address.async_client(httpx.Timeout(5)) as client:
                seconds = 0.5 if script is slow else 20.0
                with pytest.raises(NoAnswer, match=words):
                    await ask(client, "/symbols", seconds)


async def test_list_of_symbols_is_returned_or_refused_with_words() -> None:
    with CannedApi(answer(200, b'["BTC/USD"]')) as api:
        assert await list_symbols(api.url) == ["BTC/USD"]
    with (
        CannedApi(answer(200, b"<html>", "content-type: text/html")) as api,
        pytest.raises(Refused, match="is not a kraken-book api"),
    ):
        await list_symbols(api.url)
    with pytest.raises(Unreachable, match=r"http://127.0.0.1:1: connection refused"):
        await list_symbols("http://127.0.0.1:1")
