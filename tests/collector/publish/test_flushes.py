"""How events go out: in parts, at once where there is time, and together where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from collector.publish.event_queue import MAX_EVENTS
from collector.publish.flush_pacer import FlushPacer
from collector.publish.tuning import Tuning
from kraken_book.contract.keys import SYMBOLS
from lab.waiting import async_wait_until, cancel
from tests.collector.publish.boxes import Clock
from tests.collector.publish.publishing import EPOCH, UNHURRIED, LosesAnswers, Publishing

FIVE = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD")
TWO_TOGETHER = replace(UNHURRIED, max_symbols_per_send=2)
# While the feed is behind, no flush begins before a queue fills.
GATHERING = replace(UNHURRIED, enough_events=10**9, max_flush_interval=1000.0)


async def test_what_waits_of_many_symbols_goes_in_parts_and_all_of_it_in_one_flush(
    losing: LosesAnswers,
) -> None:
    publishing = Publishing(losing, *FIVE, tuning=TWO_TOGETHER)
    await publishing.lead()
    losing.sent.clear()
    for box in publishing.boxes.values():
        box.update(2)
    await publishing.flush()
    assert [len(calls) for calls in losing.sent] == [2, 2, 1]
    for symbol in FIVE:
        assert await publishing.seqs(symbol) == [1, 2, 3, 4]


async def test_who_is_fenced_in_the_middle_of_a_flush_says_nothing_of_the_others(
    losing: LosesAnswers,
) -> None:
    publishing = Publishing(losing, *FIVE, tuning=TWO_TOGETHER)
    await publishing.lead()
    newer = Publishing(losing, "BTC/USD")
    await newer.lead(EPOCH + 1)
    await newer.flush()
    await losing.exchange([("DEL", SYMBOLS)])
    losing.sent.clear()
    publishing.publisher.lead(EPOCH)
    for box in publishing.boxes.values():
        box.update()
    await publishing.flush()
    assert not publishing.leadership.is_leading
    assert publishing.leadership.newest_seen == EPOCH + 1
    assert len(losing.sent) == 1
    assert set(await publishing.states()) <= {"BTC/USD", "ETH/USD"}


@asynccontextmanager
async def running(publishing: Publishing) -> AsyncIterator[None]:
    """It writes by itself."""
    await publishing.lead()
    task = asyncio.create_task(publishing.publisher.run())
    try:
        yield
    finally:
        await cancel(task)


async def has_all(publishing: Publishing, symbol: str = "BTC/USD") -> bool:
    """Whether every event of the symbol is in Redis."""
    return await publishing.seqs(symbol) == [*range(1, publishing.boxes[symbol].updates + 3)]


async def test_where_the_feed_is_kept_up_with_each_event_goes_out_at_once(
    losing: LosesAnswers,
) -> None:
    publishing = Publishing(losing)
    async with running(publishing):
        losing.sent.clear()
        for _ in range(5):
            publishing.box.update()
            await async_wait_until(lambda: has_all(publishing))
        assert len([calls for calls in losing.sent if calls]) == 5


async def test_where_the_feed_is_behind_events_wait_until_it_is_no_more(
    losing: LosesAnswers,
) -> None:
    publishing = Publishing(losing, tuning=GATHERING)
    publishing.link.is_behind = True
    async with running(publishing):
        losing.sent.clear()
        for _ in range(3):
            publishing.box.update()
            # Time for what should not happen.
            await asyncio.sleep(0.02)
        publishing.link.is_behind = False
        await async_wait_until(lambda: has_all(publishing))
        assert len([calls for calls in losing.sent if calls]) == 1


async def test_a_book_that_fills_its_room_is_waited_for_no_longer_and_loses_nothing(
    losing: LosesAnswers,
) -> None:
    publishing = Publishing(losing, *FIVE, tuning=GATHERING)
    publishing.link.is_behind = True
    publishing.publisher.limit.max_events = MAX_EVENTS
    async with running(publishing):
        publishing.boxes["ETH/USD"].update()
        publishing.box.update(MAX_EVENTS // 2)
        await async_wait_until(lambda: has_all(publishing))
        await async_wait_until(lambda: has_all(publishing, "ETH/USD"))


ENOUGH_EVENTS, MAX_FLUSH_INTERVAL = Tuning().enough_events, Tuning().max_flush_interval


@pytest.fixture
def clock() -> Clock:
    return Clock()


def flushed(clock: Clock, seconds: float, *parts: tuple[int, int]) -> FlushPacer:
    """A pacer after one flush of so many seconds, whose parts had these events and calls."""
    pacer = FlushPacer(Tuning(), clock)
    pacer.begin()
    for events, calls in parts:
        pacer.add(events, calls)
    clock.now += seconds
    pacer.end()
    return pacer


def test_the_rest_lasts_until_a_call_would_carry_enough_at_the_same_rate(clock: Clock) -> None:
    pacer = flushed(clock, 0.02, (150, 60), (50, 40))
    assert pacer.rest == pytest.approx(0.02 * ENOUGH_EVENTS / 2 - 0.02)
    clock.now += 0.05
    assert pacer.rest == pytest.approx(0.01)
    clock.now += 0.05
    assert pacer.rest == 0


def test_calls_that_carry_enough_are_not_waited_for(clock: Clock) -> None:
    assert flushed(clock, 0.02, (ENOUGH_EVENTS * 3, 3)).rest == 0


def test_from_one_flush_to_the_next_no_more_than_half_a_second_goes_by(clock: Clock) -> None:
    assert flushed(clock, 0.2, (100, 100)).rest == pytest.approx(MAX_FLUSH_INTERVAL - 0.2)
    assert flushed(clock, 2.0, (100, 100)).rest == 0


def test_a_flush_of_nothing_is_followed_at_once(clock: Clock) -> None:
    assert flushed(clock, 0.001).rest == 0
