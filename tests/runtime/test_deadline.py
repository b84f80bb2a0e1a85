"""A deadline passes at its time, however often it was moved, and creates few timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from runtime.deadline import Deadline


class Timer:
    """A timer of `Clockwork`."""

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at = at
        self.call = call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Clockwork:
    """An event loop with timers alone, and a clock that tests set."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []
        self.created = 0

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, call: Callable[[], None]) -> Timer:
        self.created += 1
        timer = Timer(at, call)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass, and call the timers that are due."""
        end = self.now + seconds
        while due := [timer for timer in self.pending if timer.at <= end]:
            first = min(due, key=lambda timer: timer.at)
            self.timers.remove(first)
            self.now = max(self.now, first.at)
            first.call()
        self.now = end

    @property
    def pending(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.is_cancelled]


@pytest.fixture
def clockwork() -> Clockwork:
    return Clockwork()


@pytest.fixture
def passed() -> list[float]:
    """Return the times at which the deadline passed."""
    return []


@pytest.fixture
def deadline(clockwork: Clockwork, passed: list[float]) -> Deadline:
    loop = cast("asyncio.AbstractEventLoop", clockwork)
    return Deadline(lambda: passed.append(clockwork.now), loop)


def test_deadline_passes_once_at_its_time(
    clockwork: Clockwork, deadline: Deadline, passed: list[float]
) -> None:
    deadline.set(5.0)
    clockwork.advance(4.0)
    assert passed == []
    clockwork.advance(20.0)
    assert passed == [105.0]


def test_cleared_deadline_does_not_pass(
    clockwork: Clockwork, deadline: Deadline, passed: list[float]
) -> None:
    deadline.set(5.0)
    deadline.clear()
    clockwork.advance(20.0)
    assert passed == []
    deadline.set(5.0)
    clockwork.advance(5.0)
    assert passed == [125.0]


def test_deadline_that_is_moved_later_passes_at_the_last_time(
    clockwork: Clockwork, deadline: Deadline, passed: list[float]
) -> None:
    deadline.set(5.0)
    clockwork.advance(3.0)
    deadline.set(5.0)
    clockwork.advance(4.0)
    assert passed == []
    clockwork.advance(1.0)
    assert passed == [108.0]


def test_deadline_that_is_moved_earlier_passes_at_the_last_time(
    clockwork: Clockwork, deadline: Deadline, passed: list[float]
) -> None:
    deadline.set(5.0)
    deadline.set(1.0)
    clockwork.advance(10.0)
    assert passed == [101.0]
    assert clockwork.pending == []


def test_deadline_of_each_call_costs_one_timer_in_each_timeout(
    clockwork: Clockwork, deadline: Deadline, passed: list[float]
) -> None:
    for _ in range(1000):
        deadline.set(5.0)
        clockwork.advance(0.01)
        deadline.clear()
    # 10 seconds.
    assert clockwork.created <= 3
    assert passed == []


def test_closed_deadline_leaves_no_timer(clockwork: Clockwork, deadline: Deadline) -> None:
    deadline.set(5.0)
    deadline.close()
    assert clockwork.pending == []


def test_deadline_may_be_set_when_it_passes(clockwork: Clockwork) -> None:
    passed: list[float] = []

    def again() -> None:
        passed.append(clockwork.now)
        repeated.set(2.0)

    repeated = Deadline(again, cast("asyncio.AbstractEventLoop", clockwork))
    repeated.set(1.0)
    clockwork.advance(3.0)
    assert passed == [101.0, 103.0]
