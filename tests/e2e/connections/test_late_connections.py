"""Silent or late connections to Kraken: their books turn stale or are doubted, and recover.

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


def test_late_answers_are_awaited(scene: Scene, readers: Readers) -> None:
    scene.simulator.fault("answer_late?delay=3&seconds=4")
    scene.simulator.fault("drop")
    readers.wait_for_doubt(BESIDE, "closed")
    readers.wait_until_right()


def test_silent_connection_is_noticed_and_its_books_turn_stale(
    scene: Scene, readers: Readers
) -> None:
    """The socket stays open, without heartbeats and without an error."""
    silent = scene.collector.metric("kraken_book_reconnects_total", reason="silent")
    scene.simulator.fault("mute?seconds=11")
    stale = scene.api.answers(f"/depth/{BESIDE}", 503).json()
    assert stale["type"] == "urn:kraken-book:stale-book"
    readers[BESIDE].wait_for(lambda event: event.get("status") == "stale", "stale")
    readers.wait_for_doubt(BESIDE, "silent")
    readers.wait_until_right()
    assert scene.collector.metric("kraken_book_reconnects_total", reason="silent") > silent


def test_delayed_frames_confirm_no_book(scene: Scene, readers: Readers) -> None:
    """Kraken queues frames for a slow reader and drops none, so they arrive late and complete."""
    # The collector must have seen the usual delay first.
    readers.wait_until_right()
    scene.simulator.fault("lag?delay=7&seconds=8")
    readers.wait_for_doubt(BESIDE, "lag")
    readers.wait_until_right()
    assert scene.collector.metric("kraken_book_reconnects_total", reason="lag") > 0


@pytest.mark.parametrize("seconds", [7.0, 11.5])
def test_suspended_collector_trusts_no_old_frame(
    scene: Scene, readers: Readers, seconds: float
) -> None:
    """After a suspend, the frames that waited in the socket are as old as the pause."""
    scene.collector.freeze()
    woken = monotonic() + seconds
    wait_until(lambda: monotonic() >= woken, "the pause is over")
    scene.collector.resume()
    for symbol in (BESIDE, ELSEWHERE):
        readers.wait_for_doubt(symbol, "lag")
    readers.wait_until_right()
    assert scene.collector.process.poll() is None
    assert scene.collector.metric("kraken_book_reconnects_total", reason="lag") == 2
