"""Connections to Redis that lose or delay bytes without an error."""

from __future__ import annotations

import pytest

from lab.proxy_faults import DelayAnswers, Vanish
from lab.redis_proxy import ProxyFault
from lab.stage import Stage
from tests.e2e.redis_scene import Scene, open_scene

# One second longer than the clients' timeout.
LATE_SECONDS = 6.0
AWAY = {
    "collector": "redis unavailable, events wait in memory",
    "api": "redis unavailable, streams wait",
}
BACK = {"collector": "redis available again", "api": "redis available again"}


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    return open_scene(module_stage)


@pytest.mark.parametrize(
    ("to_collector", "to_api"),
    [
        (Vanish(requests=True, answers=False), Vanish(requests=False, answers=True)),
        (Vanish(requests=False, answers=True), Vanish(requests=True, answers=True)),
        (DelayAnswers(LATE_SECONDS), DelayAnswers(LATE_SECONDS)),
    ],
    ids=["requests", "answers", "late"],
)
def test_unanswered_call_is_repeated_and_written_once(
    scene: Scene, to_collector: ProxyFault, to_api: ProxyFault
) -> None:
    scene.move()
    scene.flow()
    services = {"collector": scene.collector, "api": scene.api}
    times = {name: len(each.lines(AWAY[name])) + 1 for name, each in services.items()}
    with scene.to_collector.goes_wrong(to_collector), scene.to_api.goes_wrong(to_api):
        for name, service in services.items():
            service.wait_for_line(AWAY[name], times[name])
        scene.api.answers("/readyz", 503)
    for name, service in services.items():
        service.wait_for_line(BACK[name], times[name])
    scene.flow()
    scene.stand_still()
    scene.assert_every_event_once()
