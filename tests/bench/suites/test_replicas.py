"""The cost of an api process for its Redis, from measures without and with replicas."""

from __future__ import annotations

import pytest

from bench.load.redis_load import Spent
from bench.suites.replicas import cost_of


def test_cost_of_replica_is_separated_into_rest_flushes_and_events() -> None:
    # 1,000 us per second, 10 per flush and 5 per followed event; half of the events are followed.
    alone = [Spent(0.1, 0, 0, 0), Spent(0.2, 10, 10, 0), Spent(0.3, 10, 200, 0)]
    costs = (1000, 1000 + 10 * 10 + 5 * 5, 1000 + 10 * 10 + 100 * 5)
    with_two = [
        Spent(each.cpu + 2 * cost / 1e6, each.flushes, each.events, each.events / 2)
        for each, cost in zip(alone, costs, strict=True)
    ]

    cost = cost_of(alone, with_two, 2)

    assert cost.second == pytest.approx(1000)
    assert cost.flush == pytest.approx(10)
    assert cost.event == pytest.approx(5)
    assert cost.thin == pytest.approx(1125 / 10)
    assert cost.thick == pytest.approx(1600 / 200)
