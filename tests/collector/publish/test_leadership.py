"""Whether this collector leads, and under which epoch."""

from __future__ import annotations

import asyncio

from collector.publish.leadership import Leadership


def test_collector_leads_under_its_epoch_until_it_stops() -> None:
    leadership = Leadership()
    assert (leadership.is_leading, leadership.epoch) == (False, None)
    leadership.begin(7)
    assert (leadership.is_leading, leadership.epoch) == (True, 7)
    leadership.end()
    assert (leadership.is_leading, leadership.epoch) == (False, None)


def test_newest_epoch_of_any_leader_is_kept() -> None:
    leadership = Leadership()
    leadership.see(9)
    leadership.begin(5)
    assert leadership.newest_seen == 9
    leadership.fence(12)
    assert leadership.newest_seen == 12


async def test_fence_ends_the_leadership_and_is_reported_once() -> None:
    leadership = Leadership()
    leadership.begin(7)
    assert not await leadership.wait_for_fence(0)
    leadership.fence(8)
    assert not leadership.is_leading
    assert await leadership.wait_for_fence(0)
    assert not await leadership.wait_for_fence(0)


async def test_fence_wakes_a_waiting_task() -> None:
    leadership = Leadership()
    waiting = asyncio.create_task(leadership.wait_for_fence(60.0))
    await asyncio.sleep(0)
    leadership.fence(8)
    assert await asyncio.wait_for(waiting, 5)
