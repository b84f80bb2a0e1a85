"""Subscriptions under faults: repeated without a storm, and the venue's states are reported.

Each test reads its own faulty book, one on the same connection, and one on the other connection.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.fault_scene import BESIDE, HIT, Readers, Scene, open_market, open_scene


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    return open_scene(module_stage, open_market(module_stage, *HIT[:4]))


@pytest.fixture
def readers(scene: Scene) -> Iterator[Readers]:
    opened = Readers(scene)
    yield opened
    scene.simulator.lift_faults()
    opened.close()


def test_endless_wrong_checksums_cause_no_storm_and_are_never_shown(
    scene: Scene, readers: Readers
) -> None:
    symbol = HIT[0]
    readers.read(symbol)
    asked = len(scene.simulator.connections()["requests"])
    scene.simulator.fault(f"corrupt?symbol={symbol}&count=100000")
    readers.wait_for_doubt(symbol, "checksum")
    assert scene.api.answers(f"/depth/{symbol}", 503).json()["book"]["status"] == "syncing"
    requests = scene.simulator.connections()["requests"][asked:]
    # In the three seconds until the book is stale: immediately, after 1 to 2 s, after 2 to 4 s.
    assert 2 <= len([each for each in requests if symbol in each["symbols"]]) <= 2 * 4
    shown = [event["status"] for event in readers[symbol].events if event["kind"] == "status"]
    assert "syncing" in shown
    readers.leave(symbol)
    readers.wait_until_right()
    readers.assert_unharmed()


def test_maintenance_is_in_healthz(scene: Scene, readers: Readers) -> None:
    def system() -> set[str]:
        found = scene.collector.get("/healthz").json()["connections"]
        return {connection["system"] for connection in found}

    scene.simulator.fault("status?system=maintenance")
    wait_until(lambda: system() == {"maintenance"}, "the status is reported")
    scene.simulator.fault("status?system=online")
    wait_until(lambda: system() == {"online"}, "the status is online again")
    readers.assert_unharmed()


def test_pair_status_is_in_redis(scene: Scene, readers: Readers) -> None:
    def status() -> object:
        return scene.streams.states()[BESIDE]["pair_status"]

    scene.simulator.fault(f"pair_status?symbol={BESIDE}&status=cancel_only")
    wait_until(lambda: status() == "cancel_only", "the status is reported")
    scene.simulator.fault(f"pair_status?symbol={BESIDE}&status=online")
    wait_until(lambda: status() == "online", "the status is online again")
    readers.assert_unharmed()


def test_rate_limited_requests_are_repeated_more_slowly(scene: Scene, readers: Readers) -> None:
    symbol = HIT[1]
    readers.read(symbol)
    scene.simulator.fault("rate_limit?seconds=3")
    scene.simulator.fault(f"corrupt?symbol={symbol}")
    readers.wait_for_doubt(symbol, "checksum")
    scene.collector.wait_for_line("kraken rate limit exceeded, pausing requests")
    readers.wait_until_right()
    readers.assert_unharmed()


def test_unanswered_or_quiet_subscription_is_repeated(scene: Scene, readers: Readers) -> None:
    """A subscription may be acknowledged without a snapshot, and a book may be silent for long."""
    quiet = HIT[3]
    readers.read(quiet)
    mismatches = scene.collector.metric("kraken_book_mismatches_total")
    scene.simulator.fault(f"silence?symbol={quiet}&seconds=12")
    symbol = HIT[2]
    readers.read(symbol)
    scene.simulator.fault(f"ack_only?symbol={symbol}")
    scene.simulator.fault(f"corrupt?symbol={symbol}")
    readers.wait_for_doubt(symbol, "checksum")
    readers.wait_for_doubt(symbol, "unanswered")
    readers.wait_for_doubt(quiet, "quiet")
    readers.wait_until_right()
    readers.assert_unharmed()
    # Only the first fault was a mismatch.
    assert scene.collector.metric("kraken_book_mismatches_total") == mismatches + 1
