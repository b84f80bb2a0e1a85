"""Fixtures of a publisher and of a Redis that loses answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runtime.redis.client import connect_redis
from runtime.redis.exchange import RedisNode
from tests.collector.publish.publishing import LossyRedis, Publishing


@pytest.fixture
def publishing(redis: RedisNode) -> Publishing:
    """Return a publisher of one book."""
    return Publishing(redis)


@pytest.fixture
async def lossy_redis(redis_url: str) -> AsyncIterator[LossyRedis]:
    """Yield a Redis that can lose answers, and records the calls of the write script."""
    client = LossyRedis(connection_pool=connect_redis(redis_url).connection_pool)
    client.sent = []
    yield client
    await client.aclose()
