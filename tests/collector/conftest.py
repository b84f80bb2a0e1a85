"""A publisher for the tests that need one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from tests.collector.publish.publishing import LosesAnswers, Publishing


@pytest.fixture
def publishing(redis: RedisNode) -> Publishing:
    """Of one book."""
    return Publishing(redis)


@pytest.fixture
async def losing(redis_url: str) -> AsyncIterator[LosesAnswers]:
    """A Redis whose answers can be lost, and that tells what was sent."""
    client = LosesAnswers(connection_pool=connect_redis(redis_url).connection_pool)
    client.sent = []
    yield client
    await client.aclose()
