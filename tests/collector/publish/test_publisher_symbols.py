"""Symbols that are added to a publisher and removed from it."""

from __future__ import annotations

import pytest

from kraken_book.contract.keys import SYMBOLS, book_key, events_key
from tests.collector.publish.boxes import Box
from tests.collector.publish.publishing import EPOCH, Publishing


async def test_symbol_added_to_a_leader_is_published_at_once(publishing: Publishing) -> None:
    await publishing.lead()
    box = Box("ETH/USD")
    box.writer = publishing.publisher.add(box.book)
    box.snapshot()
    box.update()
    await publishing.flush()
    events = await publishing.events("ETH/USD")
    kinds = [event["kind"] for event in events]
    assert kinds == ["status", "snapshot", "status", "update"]
    assert {event["epoch"] for event in events} == {EPOCH}


async def test_removed_symbol_is_written_to_its_last_event(
    publishing: Publishing,
) -> None:
    await publishing.lead()
    publishing.box.update()
    publishing.box.book.refuse("not listed")
    publishing.publisher.remove("BTC/USD")
    await publishing.flush()
    kinds = [event["kind"] for event in await publishing.events()]
    assert kinds == ["snapshot", "status", "update", "status"]
    assert (await publishing.states())["BTC/USD"]["status"] == "refused"
    await publishing.redis.delete(SYMBOLS)
    publishing.publisher.lead(EPOCH + 1)
    await publishing.flush()
    assert [event["epoch"] for event in await publishing.events()] == [EPOCH] * 4
    assert await publishing.states() == {}


@pytest.mark.parametrize("has_gone", [False, True])
@pytest.mark.parametrize("is_cleared", [False, True])
async def test_symbol_added_again_continues_above_its_last_seq(
    publishing: Publishing, has_gone: bool, is_cleared: bool
) -> None:
    await publishing.lead()
    publishing.box.update(50)
    publishing.box.book.refuse("not listed")
    publishing.publisher.remove("BTC/USD")
    if has_gone:
        await publishing.flush()
    if has_gone and is_cleared:
        await publishing.redis.delete(book_key("BTC/USD"), events_key("BTC/USD"))
    left_at = 53
    again = Box()
    again.writer = publishing.publisher.add(again.book)
    again.snapshot()
    again.update(7)
    await publishing.flush()
    events = await publishing.events()
    seqs = [event["seq"] for event in events]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "each number once, none missing"
    came_back = [event for event in events if event["seq"] > left_at]
    assert [event["kind"] for event in came_back].count("update") == 7
    assert next(e["kind"] for e in came_back if e["kind"] != "status") == "snapshot"
    book = await publishing.hash()
    assert (book["status"], book["best_bid_qty"]) == ("live", "7.00000000")
    assert book["seq"] == book["stream_seq"] == str(seqs[-1])


async def test_symbol_removed_from_a_follower_is_dropped_at_once(
    publishing: Publishing,
) -> None:
    publishing.publisher.remove("BTC/USD")
    publishing.publisher.lead(EPOCH)
    await publishing.flush()
    assert await publishing.events() == []


async def test_departing_symbol_is_dropped_when_the_publisher_follows(
    publishing: Publishing,
) -> None:
    await publishing.lead()
    publishing.box.book.refuse("not listed")
    publishing.publisher.remove("BTC/USD")
    publishing.publisher.follow()
    before = await publishing.events()
    publishing.publisher.lead(EPOCH + 1)
    await publishing.flush()
    assert await publishing.events() == before
