"""A list of pairs that cannot be decoded is asked for again, and ends no collector."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from structlog.testing import capture_logs

from collector.venues.coinbase.products import decode_products
from collector.venues.sequenced.listing import VenueListing
from collector.venues.sequenced.rest import RestClient
from lab.waiting import async_wait_until, cancel


class Answers:
    """A client of REST that gives one answer each time."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def get(self, _path: str, _weight: int) -> bytes:
        return self._body


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"products":5}', b"\xff", b'{"products":[' + b"[" * 5000 + b"]" * 5000 + b"]}"],
    ids=["cut", "another form", "no UTF-8", "deep"],
)
async def test_list_that_is_not_understood_is_logged_and_asked_for_again(body: bytes) -> None:
    rest = cast("RestClient", Answers(body))
    listing = VenueListing("coinbase", rest, "/products", 1, decode_products)
    with capture_logs() as lines:
        task = asyncio.create_task(listing.run(lambda _pairs, _is_all: True))
        await async_wait_until(lambda: bool(lines))
        assert not task.done()
        await cancel(task)
    (line, *_) = lines
    assert (line["event"], line["path"]) == ("list of pairs not received", "/products")
    assert not listing.is_loaded
