"""A read of many rings that are far behind is divided, and returns everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from api.follow.ring import Ring
from api.follow.ring_feed import MIN_ENTRIES, RingFeed
from api.store.corrupt_keys import CorruptKeys
from api.store.stream_entry import StreamReply
from kraken_book.contract.keys import events_key
from kraken_book.position import Position
from lab.written_books import snapshot, updates
from runtime.redis.exchange import Command, RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import EPOCH, Written

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD")
EVENTS = 40


class RecordingNodes(OneNode):
    """Nodes that record the number of entries in the replies of each exchange."""

    def __init__(self, node: RedisNode) -> None:
        super().__init__(node)
        self.entries: list[int] = []

    async def send(self, node: RedisNode, commands: Sequence[Command]) -> list[Any]:
        replies = await super().send(node, commands)
        self.entries.append(sum(len(reply) for reply in replies))
        return replies


async def rings_behind(written: Written) -> list[Ring]:
    """Write books with events, and return rings that have only the first of them."""
    rings = []
    for symbol in SYMBOLS:
        await written.book(EPOCH, snapshot(1), symbol=symbol)
        ((event_id, _),) = cast("StreamReply", await written.redis.xrange(events_key(symbol)))
        ring = Ring(symbol)
        ring.start(Position(EPOCH, 1), event_id.decode())
        await written.book(EPOCH, *updates(2, EVENTS), symbol=symbol)
        rings.append(ring)
    return rings


async def test_read_of_many_rings_is_divided_and_complete(
    redis: RedisNode, written: Written
) -> None:
    rings = await rings_behind(written)
    nodes = RecordingNodes(redis)
    feed = RingFeed(nodes, CorruptKeys(), max_together=2 * len(SYMBOLS) * MIN_ENTRIES)
    await feed.catch_up(*rings)
    assert [ring.last.position.seq for ring in rings] == [EVENTS] * len(SYMBOLS)
    assert max(nodes.entries) <= 2 * len(SYMBOLS) * MIN_ENTRIES
    assert sum(nodes.entries) == (EVENTS - 1) * len(SYMBOLS)


async def test_each_ring_gets_some_entries_however_many_there_are(
    redis: RedisNode, written: Written
) -> None:
    rings = await rings_behind(written)
    nodes = RecordingNodes(redis)
    await RingFeed(nodes, CorruptKeys(), max_together=1).catch_up(*rings)
    assert [ring.last.position.seq for ring in rings] == [EVENTS] * len(SYMBOLS)
    assert max(nodes.entries) == MIN_ENTRIES * len(SYMBOLS)
