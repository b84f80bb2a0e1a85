"""A market for each module, and an exchange of collectors and readers for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.stage import Stage
from tests.e2e.shard_scene import DROPPED, SYMBOLS, Exchange, Market


@pytest.fixture(scope="module")
def market(module_stage: Stage) -> Market:
    redis = module_stage.redis()
    simulator = module_stage.simulator("--symbols", ",".join(SYMBOLS + DROPPED), "--rate", "100")
    return Market(redis, simulator, module_stage.api(redis.url))


@pytest.fixture
def exchange(market: Market, stage: Stage) -> Iterator[Exchange]:
    opened = Exchange(market, stage)
    yield opened
    opened.close()
