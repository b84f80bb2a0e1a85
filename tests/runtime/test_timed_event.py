"""A wait for a timed event ends when it is set, or after its time."""

from __future__ import annotations

import asyncio

import pytest

from runtime.timed_event import TimedEvent

# Longer than any test takes.
LONG = 600.0


async def test_wait_for_a_set_event_returns_at_once() -> None:
    event = TimedEvent()
    event.set()
    await event.wait(LONG)
    assert event.is_set


async def test_wait_ends_when_the_event_is_set() -> None:
    event = TimedEvent()
    waiting = asyncio.create_task(event.wait(LONG))
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    await waiting


async def test_wait_ends_after_its_time_and_the_event_is_not_set() -> None:
    event = TimedEvent()
    for _ in range(3):
        await event.wait(0.001)
    assert not event.is_set


async def test_wait_is_not_ended_by_the_time_of_an_earlier_wait() -> None:
    event = TimedEvent()
    soon = asyncio.create_task(event.wait(0.001))
    await asyncio.sleep(0)
    event.set()
    await soon
    event.clear()
    waiting = asyncio.create_task(event.wait(LONG))
    await asyncio.wait([waiting], timeout=0.02)
    assert not waiting.done()
    event.set()
    await waiting


async def test_cancelled_wait_leaves_the_event_usable() -> None:
    event = TimedEvent()
    waiting = asyncio.create_task(event.wait(LONG))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    event.set()
    await event.wait(LONG)
    event.clear()
    await event.wait(0.001)
    assert not event.is_set


async def test_event_that_is_set_and_cleared_ends_the_wait() -> None:
    event = TimedEvent()
    waiting = asyncio.create_task(event.wait(LONG))
    await asyncio.sleep(0)
    event.set()
    event.clear()
    await waiting
