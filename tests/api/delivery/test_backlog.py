"""A reader of many books gets every event of one book up to the channel's log."""

from __future__ import annotations

from typing import cast

import pytest

from api.delivery.backlog import Backlog
from api.delivery.openers import EventsGone
from api.follow.ring import Ring
from api.store.stream_entry import StreamEntry
from api.store.stream_reads import StreamReads
from api.views.channel_member import ChannelMember
from api.views.followed_book import FollowedBook
from kraken_book.position import Position

WATERMARK = 10


def entry(seq: int) -> StreamEntry:
    """Return an update that was written `seq` milliseconds after time 0."""
    return StreamEntry(f"{seq}-{seq}", "update", Position(1, seq), b'{"seq":%d}' % seq)


class ScriptedReads:
    """Returns the pages of a script."""

    def __init__(self, oldest: int, *pages: list[StreamEntry]) -> None:
        self.pages = list(pages)
        self._oldest = oldest

    async def page(self, _symbol: str, _after_id: str) -> list[StreamEntry]:
        """Return the next page, an empty one after the last."""
        return self.pages.pop(0) if self.pages else []

    async def oldest(self, _symbol: str) -> StreamEntry:
        """Return the first event of the stream."""
        return entry(self._oldest)


async def sent_up_to(seq: int, reads: ScriptedReads) -> bytes:
    """Return what a reader gets before a log that begins after `seq`."""
    member = ChannelMember(FollowedBook(Ring("BTC/USD")), None, WATERMARK)
    member.position = Position(1, seq)
    backlog = Backlog(member, WATERMARK, cast("StreamReads", reads))
    data = b""
    while not backlog.is_done:
        data += b"".join(await backlog.next_parts())
    return data


async def test_page_of_an_earlier_read_does_not_end_the_backlog() -> None:
    """A reader may join another's read that began before the last event was written."""
    data = await sent_up_to(11, ScriptedReads(9, [], [entry(11), entry(12)]))
    assert data == b'data: {"seq":11}\n\n'


@pytest.mark.parametrize("pages", [([entry(11)], [], [entry(12)]), ([entry(11)], [entry(12)])])
async def test_backlog_ends_with_the_event_before_the_log(pages: list[list[StreamEntry]]) -> None:
    reads = ScriptedReads(9, *pages, [entry(13)])
    assert await sent_up_to(12, reads) == b'data: {"seq":11}\n\ndata: {"seq":12}\n\n'
    assert reads.pages == [[entry(13)]]


async def test_backlog_ends_though_redis_lost_the_end_of_the_stream() -> None:
    assert await sent_up_to(12, ScriptedReads(9, [entry(11)])) == b'data: {"seq":11}\n\n'


async def test_backlog_that_may_lack_its_first_events_is_gone() -> None:
    with pytest.raises(EventsGone):
        await sent_up_to(12, ScriptedReads(11, [entry(11), entry(12)]))
