"""Fixtures of the delivery tests: replicas that wait on streams, or on the wake only."""

from __future__ import annotations

import pytest

from api.follow.wake import MAX_STREAMS
from runtime.redis.exchange import RedisNode
from tests.api.replica import Replica


@pytest.fixture(params=["its stream", "the wake"])
def waited_on(request: pytest.FixtureRequest) -> int:
    """Return the number of streams that the replica waits on; cursors must not depend on it."""
    return MAX_STREAMS if request.param == "its stream" else 0


@pytest.fixture
def any_replica(redis: RedisNode, waited_on: int) -> Replica:
    """Return a replica over Redis, for each way to wait for events."""
    return Replica(redis, max_streams_waited_on=waited_on)
