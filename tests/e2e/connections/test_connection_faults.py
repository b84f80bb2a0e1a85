"""Faults of connections to Kraken: each book on the connection is doubted, and recovers.

Each test has its own collector, because the back-off of a connection grows with each end.
"""

from __future__ import annotations

from time import monotonic

import pytest

from lab.waiting import wait_until
from tests.e2e.fault_scene import (
    BESIDE,
    ELSEWHERE,
    Readers,
    Scene,
)


@pytest.mark.parametrize("fault", ["close?code=1001", "drop"])
def test_closed_connections_recover(scene: Scene, readers: Readers, fault: str) -> None:
    scene.simulator.fault(fault)
    for symbol in (BESIDE, ELSEWHERE):
        readers.wait_for_doubt(symbol, "closed")
    readers.wait_until_right()


def test_server_that_accepts_and_closes_is_not_hammered(scene: Scene, readers: Readers) -> None:
    before = scene.simulator.connections()["accepted"]
    scene.simulator.fault("accept_and_close?seconds=5")
    scene.simulator.fault("drop")
    readers.wait_for_doubt(BESIDE, "closed")
    readers.wait_until_right()
    # Two connections, each after 1 to 2 s, 2 to 4 s and 4 to 8 s.
    assert scene.simulator.connections()["accepted"] - before <= 2 * 4


def test_refused_handshake_is_tried_again(scene: Scene, readers: Readers) -> None:
    before = scene.collector.metric("kraken_book_reconnects_total", reason="refused")
    # Longer than the longest first back-off, 2 s.
    scene.simulator.fault("refuse_connections?seconds=3&status=429")
    scene.simulator.fault("drop")
    readers.wait_for_doubt(BESIDE, "closed")
    readers.wait_until_right()
    assert scene.collector.metric("kraken_book_reconnects_total", reason="refused") > before


def test_server_that_closes_after_each_snapshot_is_not_hammered(
    scene: Scene, readers: Readers
) -> None:
    """A snapshot alone does not reset the back-off, which saves the budget of connections."""
    before = scene.simulator.connections()["accepted"]
    ends = monotonic() + 12

    def drop_when_live() -> bool:
        if scene.collector.live() > 1:
            scene.simulator.fault("drop")
        return monotonic() > ends

    wait_until(drop_when_live, "twelve seconds are over")
    # Two connections, each after 1 to 2 s, 2 to 4 s, 4 to 8 s, 8 to 16 s at the most.
    assert scene.simulator.connections()["accepted"] - before <= 2 * 5
    readers.wait_until_right()
