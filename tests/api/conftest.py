"""A collector's hand on Redis, and a replica over it."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from tests.api.replica import Replica, Written


@pytest.fixture
def written(redis: Redis) -> Written:
    return Written(redis)


@pytest.fixture
def replica(redis: Redis) -> Replica:
    return Replica(redis)
