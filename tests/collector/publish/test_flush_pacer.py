"""The delay before a flush while the feed is behind."""

from __future__ import annotations

import pytest

from collector.publish.flush_pacer import FlushPacer
from collector.publish.tuning import Tuning
from tests.collector.publish.boxes import Clock

ENOUGH_EVENTS, MAX_FLUSH_INTERVAL = Tuning().enough_events, Tuning().max_flush_interval


@pytest.fixture
def clock() -> Clock:
    return Clock()


def flushed(clock: Clock, seconds: float, *parts: tuple[int, int]) -> FlushPacer:
    """Return a pacer after one flush with these parts, each of events and calls."""
    pacer = FlushPacer(Tuning(), clock)
    pacer.begin()
    for events, calls in parts:
        pacer.add(events, calls)
    clock.now += seconds
    pacer.end()
    return pacer


def test_next_flush_is_due_when_enough_events_have_gathered_at_the_same_rate(clock: Clock) -> None:
    pacer = flushed(clock, 0.01, (150, 60), (50, 40))
    rest = 0.01 * ENOUGH_EVENTS / 2 - 0.01
    assert pacer.rest == pytest.approx(rest)
    clock.now += rest - 0.01
    assert pacer.rest == pytest.approx(0.01)
    clock.now += 0.05
    assert pacer.rest == 0


def test_next_flush_is_due_at_once_after_calls_with_enough_events(clock: Clock) -> None:
    assert flushed(clock, 0.02, (ENOUGH_EVENTS * 3, 3)).rest == 0


def test_time_between_two_flushes_is_bounded(clock: Clock) -> None:
    assert flushed(clock, 0.2, (100, 100)).rest == pytest.approx(MAX_FLUSH_INTERVAL - 0.2)
    assert flushed(clock, 2.0, (100, 100)).rest == 0


def test_next_flush_is_due_at_once_after_an_empty_one(clock: Clock) -> None:
    assert flushed(clock, 0.001).rest == 0
