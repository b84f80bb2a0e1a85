"""Fixtures of the tests of access: a key file, and a replica that needs its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.access.authenticator import Authenticator
from api.access.key_file import KeyFile
from api.access.tickets import Tickets
from api.access.tokens import OneSecret, Tokens
from lab.written_books import snapshot, update
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.access.written_keys import SECRET, WrittenKeys
from tests.api.replica import EPOCH, Replica, Written


@pytest.fixture
def redis_url(fake_redis_url: str) -> str:
    return fake_redis_url


@pytest.fixture
def keys(tmp_path: Path) -> WrittenKeys:
    written = WrittenKeys(tmp_path / "keys.json")
    written.add("all", symbols="*")
    written.add("btc", symbols="BTC/*")
    written.add("old", expires="2020-01-01T00:00:00Z")
    return written


@pytest.fixture
def key_file(keys: WrittenKeys) -> KeyFile:
    return KeyFile(keys.path)


@pytest.fixture
def tickets(redis: RedisNode) -> Tickets:
    return Tickets(OneNode(redis))


@pytest.fixture
def authenticator(key_file: KeyFile, tickets: Tickets) -> Authenticator:
    return Authenticator(key_file, Tokens(OneSecret(SECRET), audience="books"), tickets)


@pytest.fixture
def replica(redis: RedisNode, authenticator: Authenticator) -> Replica:
    return Replica(redis, authenticator=authenticator)


@pytest.fixture
async def client(replica: Replica) -> AsyncIterator[httpx.AsyncClient]:
    async with replica.client() as client:
        yield client


@pytest.fixture
async def two_books(written: Written) -> None:
    """Write live books of BTC/USD and ETH/USD."""
    for symbol in ("BTC/USD", "ETH/USD"):
        await written.symbol(symbol)
        await written.book(EPOCH, snapshot(1), update(2), symbol=symbol)
