"""How events go out: in parts, at once where there is time, and together where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import collector.publish.node_writer
import collector.publish.pace
from collector.publish.outbox import MOST_WAITING
from collector.publish.pace import ENOUGH_EVENTS, MOST_SECONDS, Pace
from kraken_book.contract.keys import SYMBOLS
from lab.polling import end, eventually
from tests.collector.publish.publishing import EPOCH, LosesAnswers, Publishing

pytestmark = pytest.mark.usefixtures("no_waiting")

FIVE = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD")


async def test_what_waits_of_many_symbols_goes_in_parts_and_all_of_it_in_one_flush(
    losing: LosesAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector.publish.node_writer, "SENT_TOGETHER", 2)
    publishing = Publishing(losing, *FIVE)
    await publishing.lead()
    losing.sent.clear()
    for box in publishing.boxes.values():
        box.update(2)
    await publishing.flush()
    assert [len(calls) for calls in losing.sent] == [2, 2, 1]
    for symbol in FIVE:
        assert await publishing.seqs(symbol) == [1, 2, 3, 4]


async def test_who_is_fenced_in_the_middle_of_a_flush_says_nothing_of_the_others(
    losing: LosesAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector.publish.node_writer, "SENT_TOGETHER", 2)
    publishing = Publishing(losing, *FIVE)
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
    assert publishing.fenced == [EPOCH + 1]
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
        await end(task)


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
            await eventually(lambda: has_all(publishing))
        assert len([calls for calls in losing.sent if calls]) == 5


class Behind:
    """More comes than can be done, and no flush is to begin before enough waits for a call."""

    def __init__(self, publishing: Publishing, monkeypatch: pytest.MonkeyPatch) -> None:
        self.link = publishing.link
        self.link.is_behind = True
        monkeypatch.setattr(Pace, "rest", 1000.0)


async def test_where_the_feed_is_behind_events_wait_until_it_is_no_more(
    losing: LosesAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing = Publishing(losing)
    behind = Behind(publishing, monkeypatch)
    async with running(publishing):
        losing.sent.clear()
        for _ in range(3):
            publishing.box.update()
            # Time for what should not happen.
            await asyncio.sleep(0.02)
        behind.link.is_behind = False
        await eventually(lambda: has_all(publishing))
        assert len([calls for calls in losing.sent if calls]) == 1


async def test_a_book_that_fills_its_room_is_waited_for_no_longer_and_loses_nothing(
    losing: LosesAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing = Publishing(losing, *FIVE)
    Behind(publishing, monkeypatch)
    publishing.publisher._room.most_waiting = MOST_WAITING
    async with running(publishing):
        publishing.boxes["ETH/USD"].update()
        publishing.box.update(MOST_WAITING // 2)
        await eventually(lambda: has_all(publishing))
        await eventually(lambda: has_all(publishing, "ETH/USD"))


class Clock:
    now = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(collector.publish.pace, "monotonic", lambda: clock.now)
    return clock


def flushed(clock: Clock, seconds: float, *parts: tuple[int, int]) -> Pace:
    pace = Pace()
    pace.begin()
    for events, calls in parts:
        pace.sent(events, calls)
    clock.now += seconds
    pace.end()
    return pace


def test_the_rest_lasts_until_a_call_would_carry_enough_at_the_same_rate(clock: Clock) -> None:
    pace = flushed(clock, 0.02, (150, 60), (50, 40))
    assert pace.rest == pytest.approx(0.02 * ENOUGH_EVENTS / 2 - 0.02)
    clock.now += 0.05
    assert pace.rest == pytest.approx(0.01)
    clock.now += 0.05
    assert pace.rest == 0


def test_calls_that_carry_enough_are_not_waited_for(clock: Clock) -> None:
    assert flushed(clock, 0.02, (ENOUGH_EVENTS * 3, 3)).rest == 0


def test_from_one_flush_to_the_next_no_more_than_half_a_second_goes_by(clock: Clock) -> None:
    assert flushed(clock, 0.2, (100, 100)).rest == pytest.approx(MOST_SECONDS - 0.2)
    assert flushed(clock, 2.0, (100, 100)).rest == 0


def test_a_flush_of_nothing_is_followed_at_once(clock: Clock) -> None:
    assert flushed(clock, 0.001).rest == 0
