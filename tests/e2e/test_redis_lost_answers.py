"""Connections to Redis break in the middle of a call, so its outcome is unknown."""

from __future__ import annotations

import pytest

from lab.proxy_faults import CutAnswers, CutRequests, LoseAnswers
from lab.redis_proxy import ProxyFault
from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.redis_scene import Scene, open_scene

CHANCE = 0.15
# Each break makes a writer pause, and events accumulate.
BROKEN_CALLS = 5


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    return open_scene(module_stage)


@pytest.mark.parametrize("fault", [LoseAnswers, CutRequests, CutAnswers])
def test_broken_calls_cost_no_event_and_repeat_none(
    scene: Scene, fault: type[LoseAnswers | CutRequests | CutAnswers]
) -> None:
    assert_nothing_is_lost_by(scene, fault(CHANCE), fault(CHANCE))


def test_cutting_all_connections_repeatedly_costs_no_event(scene: Scene) -> None:
    scene.move()
    for _ in range(BROKEN_CALLS):
        scene.to_collector.cut()
        scene.to_api.cut()
        scene.flow(5)
    scene.stand_still()
    scene.assert_every_event_once()


def assert_nothing_is_lost_by(scene: Scene, to_collector: ProxyFault, to_api: ProxyFault) -> None:
    """Break calls of both services under flow; assert that each event exists and is read once."""
    scene.move()
    scene.flow()
    broken = scene.collector.metric("kraken_book_redis_errors_total") + BROKEN_CALLS
    with scene.to_collector.goes_wrong(to_collector), scene.to_api.goes_wrong(to_api):
        wait_until(
            lambda: scene.collector.metric("kraken_book_redis_errors_total") >= broken,
            "calls broke",
        )
        scene.flow()
    scene.flow()
    scene.stand_still()
    scene.assert_every_event_once()
