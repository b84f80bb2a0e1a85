"""One reader of a channel: where it stands in the log, and what it is sent before that.

A reader holds places and what it shares with others, never a copy of what it is still to be sent:
one that takes nothing must not cost more than one that does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from redis.exceptions import RedisError

from api.follow.api_events import lagged_frame, status_frame
from api.follow.buffer import NoRoom
from api.follow.frame_log import WRITE_BYTES, Frame, sse_frame
from api.follow.ring import milliseconds_of
from api.follow.tail import Tail
from api.http.problems import redis_away
from api.metrics import EVENTS_OUT, LAGGED, RESUMED
from api.store.stream_entry import Entry, follows
from api.views.channel import Channel, ChannelOpening
from api.views.channel_log import is_later, unmarked
from api.views.channel_member import NO_BOOK_YET, ChannelMember
from api.views.channel_registry import ChannelRegistry, Choice, no_room
from kraken_book.event import LaggedReason
from kraken_book.position import Position

# An id behind every one of its millisecond.
LAST_OF_MILLISECOND = 10**18
# So many frames of a ring are looked at for one write.
PAGE_FRAMES = 128


class Unread:
    """Events of one symbol between a watermark and the log that have not been sent.

    They are read from the symbol's ring, from `index` on, or from Redis if that is None.
    """

    def __init__(self, source: ChannelMember, watermark: int) -> None:
        self.source = source
        self.watermark = watermark
        self.after_id = f"{watermark}-{LAST_OF_MILLISECOND}"
        self.last: Position | None = None
        self.until = source.followed.position
        self.index = source.followed.ring.index_after_time(watermark)


class ChannelReader:
    """A place in a channel's log: `open` or `resume` it, ask for `next`; `close` it in the end.

    `ring` tells when there may be more.
    """

    def __init__(
        self, channels: ChannelRegistry, tail: Tail, choice: Choice, channel: Channel
    ) -> None:
        self._channels = channels
        self._tail = tail
        self._choice = choice
        self._channel = channel
        self.ring = channel.log
        self._index = 0
        # What goes before the log: these frames, then an opening, of which so many parts are sent,
        # then what is still to be read. A reader that is cut off meanwhile comes back with the
        # watermark that it came with.
        self._before: deque[bytes] = deque()
        self._opening: ChannelOpening | None = None
        self._opened = 0
        self._unread: deque[Unread] = deque()
        # It fell off, and is to open again as soon as there is room.
        self._is_waiting = False

    def close(self) -> None:
        """The reader is gone."""
        self._opening = None
        self._channels.leave(self._choice, self._channel)

    async def open(self) -> bytes:
        """Begin with the books as they are; what is to be sent first. Raises Problem."""
        try:
            self._open()
        except NoRoom as error:
            raise no_room() from error
        return b""

    async def resume(self, event_id: str) -> bytes:
        """Go on after a watermark; a view's stream with what is there now. Raises Problem."""
        self._tell_left()
        if self._channel.view is not None or not self._channel.is_many:
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
        self._channel.note_resumed()
        self._channel.pull()
        self._index = self.ring.end
        for source in self._channel.members.values():
            self._resume(source, watermark)
        from_stream = any(unread.index is None for unread in self._unread)
        RESUMED.labels("stream" if from_stream else "ring").inc()
        return b""

    async def next(self) -> bytes:
        """What is there to be sent, empty where nothing is; raises redis.RedisError or OSError."""
        if self._is_waiting:
            self._open_if_room()
        while not self._before and self._opening is None and self._unread:
            await self._read_page(self._unread[0])
        if self._before or self._opening is not None:
            return self._next_before()
        if self._is_waiting:
            return b""
        data = self.ready()
        if data is None:
            self._fall_off("slow")
            return await self.next()
        return data

    def ready(self) -> bytes | None:
        """What of the log is there to be sent; None where only `next` can tell."""
        if self._before or self._opening is not None or self._unread or self._is_waiting:
            return None
        read = self.ring.read(self._index)
        if read is None:
            return None
        data, index = read
        EVENTS_OUT.inc(index - self._index)
        self._index = index
        return data

    def _next_before(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while (part := self._first_before()) is not None:
            if parts and size + len(part) > WRITE_BYTES:
                break
            size += len(part)
            parts.append(part)
            self._pop_before()
        EVENTS_OUT.inc(len(parts))
        return b"".join(parts)

    def _first_before(self) -> bytes | None:
        if self._before:
            return self._before[0]
        if self._opening is not None and self._opened < len(self._opening.parts):
            return self._opening.parts[self._opened]
        self._opening = None
        return None

    def _pop_before(self) -> None:
        if self._before:
            self._before.popleft()
        else:
            self._opened += 1
        # Does not hold an opening that has been sent.
        self._first_before()

    def _open(self) -> None:
        self._opening = self._channel.opening()
        self._index, self._opened = self._opening.index, 0
        self._first_before()

    def _open_if_room(self) -> None:
        if self._channel.can_open:
            try:
                self._open()
            except NoRoom:
                return
            self._is_waiting = False

    def _fall_off(self, reason: LaggedReason) -> None:
        LAGGED.labels(reason).inc()
        self._before.clear()
        self._opening = None
        self._unread.clear()
        for symbol in self._channel.members:
            self._before.append(lagged_frame(symbol, None, reason))
        self._tell_left()
        self._is_waiting = True
        self._open_if_room()

    def _tell_left(self) -> None:
        """Tell of symbols that have left: the reader may not have heard of it."""
        for symbol, reason in self._channels.left(self._choice).items():
            self._before.append(status_frame(symbol, "syncing", reason))

    def _resume(self, source: ChannelMember, watermark: int) -> None:
        followed = source.followed
        if followed.book is None:
            # Its snapshot comes through the log, as soon as there is one.
            word = status_frame(followed.ring.symbol, "syncing", NO_BOOK_YET)
            self._before.append(word)
            return
        if followed.ring.stale:
            self._before.append(status_frame(followed.ring.symbol, "stale", "age"))
        self._unread.append(Unread(source, watermark))

    async def _read_page(self, unread: Unread) -> None:
        if unread.index is not None:
            self._read_ring(unread, unread.index)
            return
        symbol = unread.source.followed.ring.symbol
        page = await self._tail.page(symbol, unread.after_id)
        if not await self._goes_on(unread, page):
            self._unread.popleft()
            self._tell_gone(unread.source)
            return
        due = [entry for entry in page if entry.position <= unread.until]
        sent = self._queue(Frame(e.position, e.id, sse_frame(e.id, e.data)) for e in due)
        if sent == len(due) < len(page) or not page:
            self._unread.popleft()
        else:
            unread.after_id, unread.last = due[sent - 1].id, due[sent - 1].position

    def _queue(self, frames: Iterable[Frame]) -> int:
        """Have frames sent next, as many as one write takes; return how many those are."""
        size = count = 0
        for frame in frames:
            if size > WRITE_BYTES:
                break
            self._before.append(unmarked(frame))
            size += len(frame.sse)
            count += 1
        return count

    def _read_ring(self, unread: Unread, index: int) -> None:
        frames = unread.source.followed.ring.frames_from(index, PAGE_FRAMES)
        if frames is None:
            # Gone meanwhile; Redis may have it.
            unread.index = None
            return
        due = [
            (at, frame)
            for at, frame in enumerate(frames)
            if frame.position <= unread.until and is_later(frame, unread.watermark)
        ]
        sent = self._queue(frame for _, frame in due)
        if sent < len(due):
            unread.index = index + due[sent][0]
        elif not frames or frames[-1].position > unread.until:
            self._unread.popleft()
        else:
            unread.index = index + len(frames)
        if sent:
            last = due[sent - 1][1]
            unread.after_id, unread.last = last.id, last.position

    async def _goes_on(self, unread: Unread, page: list[Entry]) -> bool:
        """Whether nothing is gone between what was sent and `page`, which has been read already."""
        if unread.last is not None:
            return not page or follows(page[0], unread.last)
        oldest = await self._tail.oldest(unread.source.followed.ring.symbol)
        # What was before it may be gone, or was never there: nobody can tell.
        return oldest is not None and milliseconds_of(oldest.id) <= unread.watermark

    def _tell_gone(self, source: ChannelMember) -> None:
        LAGGED.labels("trimmed").inc()
        self._before.append(lagged_frame(source.followed.ring.symbol, None, "trimmed"))
        self._before.extend(self._channel.opening_of(source))
