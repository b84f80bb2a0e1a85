"""Fixtures of the api's tests: a writer to Redis, and a replica over it."""

from __future__ import annotations

import pytest

from runtime.redis.exchange import RedisNode
from tests.api.replica import Replica, Written


@pytest.fixture
def written(redis: RedisNode) -> Written:
    return Written(redis)


@pytest.fixture
def replica(redis: RedisNode) -> Replica:
    return Replica(redis)
