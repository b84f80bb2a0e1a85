"""Fixtures of the contract's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.kraken_book.script_runner import ScriptRunner


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    client: Redis = Redis.from_url(redis_url)
    yield client
    client.close()


@pytest.fixture
def script(client: Redis) -> ScriptRunner:
    return ScriptRunner(client)
