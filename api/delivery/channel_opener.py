"""Open a stream of many books or of a view: with the current books, or after a watermark."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain

from api.delivery.backlog import Backlog
from api.delivery.openers import AdmitRead, CursorState, EventsGone, Step
from api.follow.api_events import lagged_sse, status_sse
from api.store.metrics import LAGGED, RESUMED
from api.store.stream_reads import StreamReads
from api.views.channel import Channel, ChannelOpening
from api.views.channel_member import NO_BOOK_YET, ChannelMember
from api.views.channel_registry import ChannelRegistry, Choice
from kraken_book.event import LaggedReason
from kraken_book.position import Position


class ChannelOpener:
    """Opens the log of a channel for one reader, and leaves the channel at `close`."""

    def __init__(
        self, channels: ChannelRegistry, choice: Choice, channel: Channel, reads: StreamReads
    ) -> None:
        self._channels = channels
        self._choice = choice
        self._channel = channel
        self._reads = reads
        # One for each symbol with events before the log. Those are sent without ids, so a reader
        # that is disconnected meanwhile resumes after the same watermark.
        self._backlogs: deque[Backlog] = deque()
        # Sent after the backlogs, because an event of a book ends its `syncing`.
        self._statuses: list[bytes] = []

    @property
    def can_open(self) -> bool:
        """Return whether the buffer has room for an opening as large as the last one."""
        return self._channel.can_open

    def close(self) -> None:
        """Leave the channel."""
        self._channels.leave(self._choice, self._channel)

    async def open(self) -> Step:
        """Begin with the current books; raise NoRoom if other openings fill the buffer."""
        opening = self._channel.opening()
        return Step(CursorState.OPENING, parts=_parts_of(opening), log_index=opening.index)

    async def resume(self, event_id: str, admit_read: AdmitRead) -> Step:
        """Continue after a watermark; a view begins with the current books.

        ApiError is raised if the reader may not read from Redis.

        Args:
            event_id: The watermark.
            admit_read: Called before streams are read.

        Returns:
            A step to `PAGING`; for a view, the same as from `open`.

        Raises:
            EventsGone: The watermark is in the future.
        """
        channel = self._channel
        # Without `is_many` ids are not watermarks. Such a channel always has a view.
        if channel.view is not None or not channel.is_many:
            opened = await self.open()
            return opened._replace(parts=chain(self._departure_statuses(), opened.parts))
        watermark = int(event_id)
        if watermark > await self._reads.time():
            RESUMED.labels("nothing").inc()
            raise EventsGone("unknown")
        channel.note_resumed()
        channel.pull()
        statuses = []
        self._statuses = self._departure_statuses()
        for symbol, member in channel.members.items():
            is_lost, is_hidden = member.followed.book is None, member.hidden_for is not None
            if is_lost and not is_hidden:
                # The log gets its snapshot as soon as the book is joined.
                self._statuses.append(status_sse(symbol, "syncing", NO_BOOK_YET))
            elif member.followed.ring.is_stale and not is_hidden:
                statuses.append(status_sse(symbol, "stale", "age"))
            if member.has_begun:
                self._backlogs.append(Backlog(member, watermark, self._reads))
        is_in_memory = all(backlog.is_in_memory for backlog in self._backlogs)
        if not is_in_memory:
            await admit_read()
        RESUMED.labels("ring" if is_in_memory else "stream").inc()
        return Step(CursorState.PAGING, parts=statuses, log_index=channel.log.end)

    async def page(self) -> Step:
        """Return the next events of one symbol, until all backlogs are done."""
        while self._backlogs:
            backlog = self._backlogs[0]
            try:
                parts = await backlog.next_parts()
            except EventsGone as gone:
                self._backlogs.popleft()
                return self._reopen_symbol(backlog.member, gone.reason)
            if backlog.is_done:
                self._backlogs.popleft()
            if parts:
                return Step(CursorState.PAGING, b"".join(parts), len(parts))
        statuses, self._statuses = self._statuses, []
        return Step(CursorState.FOLLOWING, b"".join(statuses), len(statuses))

    def miss_events(self, _position: Position, reason: LaggedReason) -> list[bytes]:
        """Return `lagged` for every book, and a status for each symbol that has left `*`."""
        self._backlogs.clear()
        self._statuses = []
        lagged = [lagged_sse(symbol, None, reason) for symbol in self._channel.members]
        return lagged + self._departure_statuses()

    def _reopen_symbol(self, member: ChannelMember, reason: LaggedReason) -> Step:
        """Return `lagged` and a new snapshot for one symbol."""
        LAGGED.labels(reason).inc()
        lagged = lagged_sse(member.symbol, None, reason)
        return Step(CursorState.PAGING, parts=iter([lagged, *self._channel.opening_of(member)]))

    def _departure_statuses(self) -> list[bytes]:
        """Return a status with the reason for each symbol that has left `*`."""
        left = self._channels.left(self._choice)
        return [status_sse(symbol, "syncing", reason) for symbol, reason in left.items()]


def _parts_of(opening: ChannelOpening) -> Iterator[bytes]:
    """Yield the parts of an opening.

    The buffer counts the opening's bytes until it is freed, so this keeps a reference to it.

    Yields:
        Each part.
    """
    yield from opening.parts
