"""Fixtures of the store's tests: fakeredis, or a real Redis if marked `real_redis`."""

from __future__ import annotations

import pytest


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    is_real = request.node.get_closest_marker("real_redis") is not None
    return str(request.getfixturevalue("real_redis_url" if is_real else "fake_redis_url"))
