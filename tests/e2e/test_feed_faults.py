"""Wrong frames from Kraken: the book is doubted and recovers, no unverified event is published, and
other books continue.

Each test reads its own faulty book, one on the same connection, and one on the other connection.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.stage import Stage
from lab.waiting import wait_until
from tests.e2e.fault_scene import HIT, Readers, Scene, open_market, open_scene


@pytest.fixture(scope="module")
def scene(module_stage: Stage) -> Scene:
    return open_scene(module_stage, open_market(module_stage, *HIT))


@pytest.fixture
def readers(scene: Scene) -> Iterator[Readers]:
    opened = Readers(scene)
    yield opened
    scene.simulator.lift_faults()
    opened.close()


@pytest.mark.parametrize(
    ("symbol", "fault", "reason"),
    [
        (HIT[0], "corrupt", "checksum"),
        # The next update may change the same level and so repair the loss of one.
        (HIT[1], "swallow?count=3", "checksum"),
        (HIT[2], "reorder", "checksum"),
        # Long enough for some updates of this symbol, although the machine may pause the markets.
        (HIT[3], "mute?seconds=3", "checksum"),
        (HIT[4], "crossed", "crossed"),
        (HIT[5], "level", "level"),
        (HIT[6], "cut", "frame"),
        (HIT[7], "precision?price=5&qty=7", "precision"),
    ],
)
def test_wrong_book_is_doubted_alone_and_recovers(
    scene: Scene, readers: Readers, symbol: str, fault: str, reason: str
) -> None:
    readers.read(symbol)
    before = scene.collector.metric("kraken_book_mismatches_total", reason=reason)
    name, _, parameters = fault.partition("?")
    scene.simulator.fault(f"{name}?symbol={symbol}&{parameters}")
    readers.wait_for_doubt(symbol, reason)
    readers.wait_until_right()
    readers.assert_unharmed()
    assert scene.collector.metric("kraken_book_mismatches_total", reason=reason) > before
    assert scene.streams.states()[symbol]["resyncs"] > 0


def test_repeated_update_leaves_right_book(scene: Scene, readers: Readers) -> None:
    symbol = HIT[8]
    readers.read(symbol)
    verified = scene.collector.metric("kraken_book_verified_total", kind="snapshot")
    updates = scene.simulator.book(symbol)["updates"]
    scene.simulator.fault(f"repeat?symbol={symbol}&count=5")
    readers.wait_until_right()
    readers.assert_unharmed(symbol)
    # The collector read more updates than the market made, and needed no snapshot.
    made = scene.simulator.book(symbol)["updates"] - updates
    assert readers[symbol].ladder.counts.updates > 0
    assert made > 0
    assert scene.collector.metric("kraken_book_verified_total", kind="snapshot") == verified


def test_update_before_snapshot_is_doubted(scene: Scene, readers: Readers) -> None:
    symbol = HIT[9]
    readers.read(symbol)
    scene.simulator.fault(f"early?symbol={symbol}")
    scene.simulator.fault(f"corrupt?symbol={symbol}")
    readers.wait_for_doubt(symbol, "early")
    readers.wait_until_right()
    readers.assert_unharmed()


def test_changed_precision_is_published(scene: Scene) -> None:
    symbol = HIT[7]
    scene.simulator.fault(f"precision?symbol={symbol}&price=4&qty=6")

    def is_published() -> bool:
        book = scene.api.get(f"/depth/{symbol}").json()
        precisions = (book.get("price_precision"), book.get("qty_precision"))
        return precisions == (4, 6) == precisions_of(scene, symbol)

    wait_until(is_published, "the new precisions, over HTTP and in kraken:symbols")


def precisions_of(scene: Scene, symbol: str) -> tuple[int, int]:
    """Return the precisions in `kraken:symbols`."""
    state = scene.streams.states()[symbol]
    return state["price_precision"], state["qty_precision"]


def not_understood(scene: Scene) -> float:
    """Return how many frames the collector has ignored."""
    frames = "kraken_book_frames_total"
    return sum(scene.collector.metric(frames, channel=each) for each in ("bad", "unknown"))


@pytest.mark.parametrize("kind", ["text", "binary", "json"])
def test_garbage_harms_no_book(scene: Scene, readers: Readers, kind: str) -> None:
    before = not_understood(scene)
    scene.simulator.fault(f"garbage?kind={kind}")
    wait_until(lambda: not_understood(scene) > before, "the frame has arrived")
    readers.wait_until_right()
    readers.assert_unharmed()


def test_frame_of_ten_megabytes_harms_no_book(scene: Scene, readers: Readers) -> None:
    before = not_understood(scene)
    scene.simulator.fault("big?bytes=10000000")
    wait_until(lambda: not_understood(scene) > before, "the frame has arrived")
    readers.wait_until_right()
    readers.assert_unharmed()
