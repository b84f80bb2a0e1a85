"""A market for each module, and a collector with readers for each test.

The back-off of a connection grows with each end, so tests do not share a collector.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.stage import Stage
from tests.e2e.fault_scene import HIT, Market, Readers, Scene, open_market, open_scene


@pytest.fixture(scope="module")
def market(module_stage: Stage) -> Market:
    return open_market(module_stage, HIT[0])


@pytest.fixture
def scene(market: Market, stage: Stage) -> Iterator[Scene]:
    opened = open_scene(stage, market)
    yield opened
    # A collector that stops in order releases its lease for the next one.
    opened.collector.stop()


@pytest.fixture
def readers(scene: Scene) -> Iterator[Readers]:
    opened = Readers(scene)
    yield opened
    scene.simulator.lift_faults()
    opened.close()
