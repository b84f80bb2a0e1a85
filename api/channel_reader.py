"""One reader of a channel: where it stands in the log, and what it is sent before that."""

from __future__ import annotations

from collections import deque

from redis.exceptions import RedisError

from api.channel import Channel, Source, is_later, unmarked
from api.channels import Channels, Choice
from api.frame_log import WRITE_BYTES, Frame, Place, sse_frame
from api.metrics import EVENTS_OUT, LAGGED, RESUMED
from api.own_events import lagged_frame
from api.problems import redis_away
from api.ring import milliseconds_of
from api.stream_entry import Entry, follows
from api.tail import Tail
from kraken_book.event import LaggedReason

# An id behind every one of its millisecond.
LAST_OF_MILLISECOND = 10**18


class Unread:
    """What of one symbol lies between a watermark and the log, and is not in memory."""

    def __init__(self, source: Source, watermark: int) -> None:
        self.source = source
        self.watermark = watermark
        self.after_id = f"{watermark}-{LAST_OF_MILLISECOND}"
        self.last: Place | None = None
        self.until = source.followed.place


class ChannelReader:
    """A place in a channel's log: `open` or `resume` it, ask for `next`; `close` it in the end.

    `ring` tells when there may be more.
    """

    def __init__(self, channels: Channels, tail: Tail, choice: Choice, channel: Channel) -> None:
        self._channels = channels
        self._tail = tail
        self._choice = choice
        self._channel = channel
        self.ring = channel.log
        self._index = 0
        # What goes before the log: first these frames, then what is still to be read from Redis.
        # Who is cut off meanwhile comes back with the watermark that it came with.
        self._before: deque[bytes] = deque()
        self._unread: deque[Unread] = deque()

    def close(self) -> None:
        """The reader is gone."""
        self._channels.leave(self._choice, self._channel)

    async def open(self) -> bytes:
        """Begin with the books as they are; what is to be sent first."""
        self._open()
        return b""

    async def resume(self, event_id: str) -> bytes:
        """Go on after a watermark; a view's stream with what is there now. Raises Problem."""
        if self._channel.cut is not None or not self._channel.is_many:
            return await self.open()
        watermark = int(event_id)
        try:
            now = await self._tail.time()
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        if watermark > now:
            RESUMED.labels("nothing").inc()
            self._fall_off("unknown")
            return b""
        self._channel.pull()
        self._index = self.ring.end
        for source in self._channel.sources.values():
            self._resume(source, watermark)
        RESUMED.labels("stream" if self._unread else "ring").inc()
        return b""

    async def next(self) -> bytes:
        """What is there to be sent, empty where nothing is; raises redis.RedisError or OSError."""
        while not self._before and self._unread:
            await self._read_page(self._unread[0])
        if self._before:
            return self._next_before()
        data = self.ready()
        if data is None:
            self._fall_off("slow")
            return await self.next()
        return data

    def ready(self) -> bytes | None:
        """What of the log is there to be sent; None where only `next` can tell."""
        read = None if self._before or self._unread else self.ring.read(self._index)
        if read is None:
            return None
        data, index = read
        EVENTS_OUT.inc(index - self._index)
        self._index = index
        return data

    def _next_before(self) -> bytes:
        parts = [self._before.popleft()]
        size = len(parts[0])
        while self._before and size + len(self._before[0]) <= WRITE_BYTES:
            size += len(self._before[0])
            parts.append(self._before.popleft())
        EVENTS_OUT.inc(len(parts))
        return b"".join(parts)

    def _open(self) -> None:
        frames, self._index = self._channel.opening()
        self._before.extend(frames)

    def _fall_off(self, reason: LaggedReason) -> None:
        LAGGED.labels(reason).inc()
        self._before.clear()
        self._unread.clear()
        for symbol in self._channel.sources:
            self._before.append(lagged_frame(symbol, None, reason))
        self._open()

    def _resume(self, source: Source, watermark: int) -> None:
        followed = source.followed
        if followed.book is None:
            # Its snapshot comes through the log, as soon as there is one.
            return
        index = followed.ring.index_after_time(watermark)
        if index is None:
            self._unread.append(Unread(source, watermark))
            return
        frames = followed.ring.frames_from(index) or []
        later = (frame for frame in frames if is_later(frame, watermark))
        self._before.extend(map(unmarked, later))

    async def _read_page(self, unread: Unread) -> None:
        symbol = unread.source.followed.ring.symbol
        page = await self._tail.page(symbol, unread.after_id)
        if not await self._goes_on(unread, page):
            self._unread.popleft()
            self._tell_gone(unread.source)
            return
        due = [entry for entry in page if entry.place <= unread.until]
        frames = (Frame(e.place, e.id, sse_frame(e.id, e.data)) for e in due)
        self._before.extend(map(unmarked, frames))
        if len(due) < len(page) or not page:
            self._unread.popleft()
        else:
            unread.after_id, unread.last = page[-1].id, page[-1].place

    async def _goes_on(self, unread: Unread, page: list[Entry]) -> bool:
        """Whether nothing is gone between what was sent and `page`, which has been read already."""
        if unread.last is not None:
            return not page or follows(page[0], unread.last)
        oldest = await self._tail.oldest(unread.source.followed.ring.symbol)
        # What was before it may be gone, or was never there: nobody can tell.
        return oldest is not None and milliseconds_of(oldest.id) <= unread.watermark

    def _tell_gone(self, source: Source) -> None:
        LAGGED.labels("trimmed").inc()
        self._before.append(lagged_frame(source.followed.ring.symbol, None, "trimmed"))
        self._before.extend(self._channel.opening_of(source))
