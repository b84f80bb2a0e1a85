"""Fixtures of the HTTP tests: fakeredis, a client of a replica, and one live book."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from lab.written_books import snapshot, update
from tests.api.replica import EPOCH, Replica, Written


@pytest.fixture
def redis_url(fake_redis_url: str) -> str:
    return fake_redis_url


@pytest.fixture
async def client(replica: Replica) -> AsyncIterator[httpx.AsyncClient]:
    async with replica.client() as client:
        yield client


@pytest.fixture
async def btc(written: Written) -> None:
    """Write a live book of BTC/USD at seq 2."""
    await written.symbol("BTC/USD")
    await written.book(EPOCH, snapshot(1), update(2))
