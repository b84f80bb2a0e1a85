"""Pauses of connections while queues are half full, and their bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from collector.feed.lag import MIN_SAMPLES, FeedLag, LagMemory
from collector.feed.link import Link
from collector.feed.room import LINE_INTERVAL, LOGGED_SECONDS, MAX_PAUSED_AGE, Room
from collector.feed.timestamp import Timestamp
from kraken_book.timestamps import rfc3339
from lab.waiting import async_wait_until, cancel

SECOND = 10**9
KRAKEN = 1_785_641_751 * SECOND
# More than the allowance for drifting clocks.
ALLOWANCE = 0.1
PAUSED = "kraken_book_feed_paused_seconds_total"
LINE = "feed paused, redis writes too slowly"


class FullQueues:
    """An outlet with queues that are half full for some links."""

    def __init__(self, *links: Link) -> None:
        self.links = set(links)

    def is_full(self, link: Link) -> bool:
        return link in self.links


class Scene:
    """A connection's link and lag, a room with one outlet, and a clock that tests set."""

    def __init__(self) -> None:
        self.now = 7_000 * SECOND
        self.link = Link()
        self.lag = FeedLag(LagMemory())
        self.outlet = FullQueues(self.link)
        self.room = Room(clock=lambda: self.now)
        self.room.add(self.outlet)

    def read(self, late: float = 0.0) -> None:
        """Read updates, a second apart, that have waited for `late` seconds more than the first."""
        for number in range(2 * MIN_SAMPLES):
            waited = min(late, number * late / MIN_SAMPLES)
            time = rfc3339(KRAKEN + self.now - int(waited * SECOND))
            self.lag.on_update("BTC/USD", time, Timestamp(0, self.now))
            self.now += SECOND
        self.now -= SECOND

    def start_waiting(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.room.wait(self.link, self.lag))

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[asyncio.Task[None]]:
        """Yield a wait that has begun."""
        self.link.is_behind = False
        waiting = self.start_waiting()
        await async_wait_until(lambda: self.link.is_behind)
        assert not waiting.done()
        yield waiting
        await cancel(waiting)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.read()
    return scene


def paused_seconds() -> float:
    return REGISTRY.get_sample_value(PAUSED) or 0.0


def assert_no_pause(scene: Scene) -> None:
    """Assert that `wait` returns without a turn of the event loop."""
    with pytest.raises(StopIteration):
        scene.room.wait(scene.link, scene.lag).send(None)


def test_connection_does_not_pause_while_there_is_room(scene: Scene) -> None:
    scene.outlet.links.clear()
    assert_no_pause(scene)
    assert not scene.link.is_behind


def test_queue_of_another_connection_causes_no_pause(scene: Scene) -> None:
    scene.outlet.links = {Link()}
    assert_no_pause(scene)


def test_outlet_of_a_node_that_has_gone_causes_no_pause(scene: Scene) -> None:
    scene.room.remove(scene.outlet)
    assert_no_pause(scene)


async def test_pause_ends_when_events_are_taken(scene: Scene) -> None:
    async with scene.paused() as waiting:
        scene.outlet.links.clear()
        scene.room.on_taken()
        await waiting
    assert scene.link.is_behind, "flushes stay large"


async def test_pause_goes_on_if_the_queue_is_still_half_full(scene: Scene) -> None:
    async with scene.paused() as waiting:
        for _ in range(5):
            scene.room.on_taken()
            await asyncio.sleep(0)
        assert not waiting.done()


async def test_pause_ends_without_a_notification_when_its_cause_has_gone(scene: Scene) -> None:
    async with scene.paused() as waiting:
        scene.outlet.links.clear()
        await waiting


async def test_pause_ends_when_unread_frames_may_be_too_old(scene: Scene) -> None:
    async with scene.paused() as waiting:
        scene.now += int(MAX_PAUSED_AGE * SECOND) - 1
        scene.room.on_taken()
        await asyncio.sleep(0)
        assert not waiting.done()
        scene.now += 1
        await waiting
    assert_no_pause(scene)


async def test_connection_with_lag_pauses_for_the_rest_of_the_age(scene: Scene) -> None:
    scene.read(late=MAX_PAUSED_AGE - 0.5)
    async with scene.paused() as waiting:
        scene.now += int((0.5 + ALLOWANCE) * SECOND)
        await waiting


def test_connection_with_lag_of_half_the_bound_does_not_pause(scene: Scene) -> None:
    scene.read(late=MAX_PAUSED_AGE + ALLOWANCE)
    assert_no_pause(scene)


def test_connection_with_unknown_lag_does_not_pause() -> None:
    assert_no_pause(Scene())


async def test_seconds_of_pauses_are_counted_also_if_the_connection_is_cancelled(
    scene: Scene,
) -> None:
    before = paused_seconds()
    async with scene.paused():
        scene.now += SECOND
    assert paused_seconds() - before == pytest.approx(1.0)


async def test_long_pauses_are_logged_once_a_minute_and_short_ones_not(scene: Scene) -> None:
    async def pause(seconds: float) -> None:
        scene.read()
        async with scene.paused() as waiting:
            scene.now += int(seconds * SECOND)
            scene.outlet.links.clear()
            await waiting
        scene.outlet.links.add(scene.link)

    with capture_logs() as lines:
        await pause(0.6 * LOGGED_SECONDS)
        assert lines == []
        for _ in range(3):
            await pause(0.6 * LOGGED_SECONDS)
        assert [line["event"] for line in lines] == [LINE]
        assert lines[0]["seconds"] == pytest.approx(1.2 * LOGGED_SECONDS)
        scene.now += int(LINE_INTERVAL * SECOND)
        await pause(0.6 * LOGGED_SECONDS)
        assert [line["event"] for line in lines] == [LINE] * 2
        assert lines[1]["seconds"] == pytest.approx(1.8 * LOGGED_SECONDS)
