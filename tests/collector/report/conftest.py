"""The tests of the reporter use fakeredis."""

from __future__ import annotations

import pytest


@pytest.fixture
def redis_url(fake_redis_url: str) -> str:
    return fake_redis_url
