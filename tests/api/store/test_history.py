"""A page of past events has no gap, although Redis trims the stream between its reads."""

from __future__ import annotations

from api.store.corrupt_keys import CorruptKeys
from api.store.history import FIRST_ENTRIES, EventHistory, EventRange
from api.store.stream_entry import StreamReply, id_order
from api.store.stream_reads import StreamReads
from kraken_book.contract.keys import events_key
from lab.written_books import snapshot, updates
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import OneNode
from tests.api.replica import EPOCH, Written

SYMBOL = "BTC/USD"
EVENTS = 60
KEPT = 20


class TrimmedReads(StreamReads):
    """Reads before whose second part of a page the stream is trimmed."""

    def __init__(self, redis: RedisNode, written: Written) -> None:
        super().__init__(OneNode(redis), CorruptKeys())
        self._written = written
        self._parts = 0

    async def entries_of(
        self, symbol: str, first: str, last: str, count: int, *, is_newest_first: bool = False
    ) -> StreamReply:
        self._parts += count > 1
        if self._parts == 2:
            await self._written.trim(KEPT)
        return await super().entries_of(symbol, first, last, count, is_newest_first=is_newest_first)


async def test_page_ends_where_events_were_trimmed_and_the_next_one_tells_it(
    redis: RedisNode, written: Written
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, EVENTS))
    history = EventHistory(TrimmedReads(redis, written), CorruptKeys())
    page = await history.page(SYMBOL, EventRange(), EVENTS)
    assert [each.position.seq for each in page.entries] == [*range(1, FIRST_ENTRIES + 1)]
    assert not page.is_trimmed
    assert page.continue_after == page.entries[-1].id
    part = EventRange(id_order(page.continue_after), is_after=True)
    rest = await history.page(SYMBOL, part, EVENTS)
    assert rest.is_trimmed
    assert [each.position.seq for each in rest.entries] == [*range(EVENTS - KEPT + 1, EVENTS + 1)]


async def test_page_goes_on_after_corrupt_entries_between_its_reads(
    redis: RedisNode, written: Written
) -> None:
    await written.book(EPOCH, snapshot(1), *updates(2, FIRST_ENTRIES))
    last = (await written.ids())[-1]
    milliseconds = int(last.partition("-")[0])
    await redis.xadd(events_key(SYMBOL), {"no": "event"}, id=f"{milliseconds + 1}-0")
    await written.redis.xdel(events_key(SYMBOL), last)
    await written.book(EPOCH, *updates(FIRST_ENTRIES + 1, EVENTS))
    history = EventHistory(StreamReads(OneNode(redis), CorruptKeys()), CorruptKeys())
    page = await history.page(SYMBOL, EventRange(), EVENTS)
    assert page.continue_after is None
    assert [each.position.seq for each in page.entries] == [
        *range(1, FIRST_ENTRIES),
        *range(FIRST_ENTRIES + 1, EVENTS + 1),
    ]
