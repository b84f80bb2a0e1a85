"""What readers of the same books in the same view are sent, made once for all of them.

A channel is a log that grows while anybody reads it. Of each of its symbols it has first a
snapshot, then what follows; a book that is lost and found again is told as `lagged`, with another
snapshot. Raw, it passes on the events themselves; cut, snapshots of what changed. A cut channel
keeps little: a reader that falls behind needs the newest state of each book, and nothing else.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from time import monotonic, thread_time

from msgspec.structs import replace

from api.follow.api_events import lagged_frame, sse_frame, status_frame
from api.follow.buffer import FLOOR_BYTES, Buffer
from api.follow.frame_log import FRAME_BYTES, Frame, FrameLog
from api.follow.ring import milliseconds_of
from api.store.metrics import LAGGED
from api.views.followed_book import FollowedBook, is_numbered
from api.views.view import Cut
from api.views.view_pace import FIRST_SECONDS, ViewPace, believed_seconds
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE, Position

# Of many symbols, that much more goes through one log; its frames are the rings' own.
MANY_CAPACITY = 16_384
# Who comes so soon after another begins at the same frame, with the same bytes.
OPENING_SECONDS = 0.5
# A cut channel keeps so much, or twice what it shows at once: more than an opening would take a
# reader longer to read than the opening.
CUT_BYTES = 256 * 1024
# What a symbol costs a channel beside its frames.
SOURCE_BYTES = 1000
# Symbols that have left and whose last positions are remembered.
MOST_LEFT = 1000
NO_BOOK_YET = "no book yet"


class ChannelLog(FrameLog):
    """The frames of many symbols; an id is a watermark, put before the event when it is sent."""

    symbol = "*"

    def __init__(self, buffer: Buffer) -> None:
        super().__init__(MANY_CAPACITY, buffer)

    def _render(self, frame: Frame) -> bytes:
        return watermarked(frame)


class OneSymbolLog(FrameLog):
    """The frames of one symbol, each with its event's id."""

    def __init__(self, symbol: str, buffer: Buffer) -> None:
        super().__init__(buffer=buffer)
        self.symbol = symbol


class ChannelOpening:
    """First frames for readers that come together; its bytes count while a reader needs them."""

    def __init__(self, parts: list[bytes], index: int, buffer: Buffer) -> None:
        self.parts = parts
        self.index = index
        """Return the index in the log at which they go on."""
        self.size = sum(map(len, parts))
        buffer.pin(self.size)
        weakref.finalize(self, buffer.unpin, self.size).atexit = False


class Source:
    """One symbol in a channel: how far its events have come into the log."""

    def __init__(self, followed: FollowedBook) -> None:
        self.followed = followed
        self.generation = 0
        self.next = 0
        self.position = NOWHERE
        # What readers see, as `Rendered.seen` says it.
        self.seen: int | None = None
        # Why a reader may have had events before those that come first here.
        self.owed: LaggedReason | None = None
        # How often the book was not known when it was looked at, since it was lost.
        self.missing = 0
        # Where the watermark stood when the book was lost: it waits there.
        self.held: int | None = None


class Channel:
    """The log for one choice of symbols (`is_many`: with watermarks) and one view of them.

    `watermark` is in Redis's milliseconds: every event with an earlier or the same time is in the
    log, or in what came before it.
    """

    def __init__(
        self,
        name: str,
        cut: Cut | None,
        watermark: int,
        buffer: Buffer,
        pace: ViewPace,
        *,
        is_many: bool,
        cut_bytes: int = CUT_BYTES,
    ) -> None:
        self.log = ChannelLog(buffer) if is_many else OneSymbolLog(name, buffer)
        self._buffer = buffer
        self._cut_bytes = cut_bytes
        self._pace = pace
        pace.views += cut is not None
        self.cut = cut
        self.is_many = is_many
        self.watermark = watermark
        self.readers = 0
        self.sources: dict[str, Source] = {}
        self._left: dict[str, Position] = {}
        self._is_resumed = False
        self._opening: ChannelOpening | None = None
        self._opening_bytes = 0
        self._opened_at = float("-inf")
        self._changed: dict[Source, None] = {}
        self._next_shown = 0.0
        self._show_seconds = FIRST_SECONDS
        self._timer: asyncio.TimerHandle | None = None
        self._listeners: dict[str, Callable[[], None]] = {}
        self._waking = False

    def add(self, followed: FollowedBook) -> None:
        """Show this symbol too."""
        symbol = followed.ring.symbol
        source = self.sources[symbol] = Source(followed)
        source.held = self.watermark
        if symbol in self._left:
            source.position, source.owed = self._left.pop(symbol), "trimmed"
        elif self._is_resumed:
            source.owed = "unknown"
        self.log.keep(len(self.sources) * SOURCE_BYTES)
        self._listeners[symbol] = partial(self._on_change, source)
        self._on_change(source)

    def leave(self, symbol: str, reason: str) -> FollowedBook:
        """Tell readers that this symbol has left, for `reason`; return the followed book."""
        source = self.sources[symbol]
        self._pull(source)
        self._append_all([self._own(status_frame(symbol, "syncing", reason))])
        self._left[symbol] = source.position
        while len(self._left) > MOST_LEFT:
            del self._left[next(iter(self._left))]
        return self._remove(symbol)

    def close(self) -> Iterator[FollowedBook]:
        """Nobody reads it any more; the books that were followed for it."""
        if self._timer is not None:
            self._timer.cancel()
        self._pace.views -= self.cut is not None
        for symbol in list(self.sources):
            yield self._remove(symbol)
        self._opening = None
        self.log.close()

    def note_resumed(self) -> None:
        """A reader has come back: it may have had events of books that are not known here yet."""
        self._is_resumed = True
        for source in self.sources.values():
            if not source.generation and source.owed is None:
                source.owed = "unknown"

    def _remove(self, symbol: str) -> FollowedBook:
        source = self.sources.pop(symbol)
        self._changed.pop(source, None)
        followed = source.followed
        followed.ring.forget(self._listeners.pop(symbol))
        return followed

    def pull(self) -> None:
        """Bring the log up to the rings."""
        for source in self.sources.values():
            self._pull(source)

    def move_watermark(self, without_book: Container[str]) -> None:
        """Learn up to when everything is in the log; nothing is waited for `without_book`."""
        self.pull()
        marks = []
        for symbol, source in self.sources.items():
            mark = source.followed.ring.complete if source.held is None else source.held
            if mark is not None and not (source.held is not None and symbol in without_book):
                marks.append(mark)
        self.watermark = min(marks, default=self.watermark)

    def look_over(self) -> None:
        """Tell readers of books that stay lost, and forget an opening that nobody shares any more.

        Called now and then; a book is reported as lost if it is lost at two calls.
        """
        if monotonic() - self._opened_at > OPENING_SECONDS:
            self._opening = None
        for symbol, source in self.sources.items():
            is_lost = source.generation > 0 and source.followed.book is None
            source.missing = source.missing + 1 if is_lost else 0
            if source.missing == 2:
                self._append_all([self._own(status_frame(symbol, "syncing", NO_BOOK_YET))])

    @property
    def can_open(self) -> bool:
        """Return whether there is room for an opening as large as the last one."""
        return self._opening is not None or self._buffer.has_room(self._opening_bytes)

    def opening(self) -> ChannelOpening:
        """Return what a reader is sent first.

        Raises:
            NoRoom: Too much is being sent already to readers that came before.
        """
        is_old = monotonic() - self._opened_at > OPENING_SECONDS
        if self._opening is None or is_old or self._is_gone(self._opening.index):
            self._opening = None
            self.pull()
            frames = [f for source in self.sources.values() for f in self._opening_of(source)]
            parts = self._rendered(frames)
            self._opening_bytes = sum(map(len, parts))
            self._make_room(self._opening_bytes)
            self._opening = ChannelOpening(parts, self.log.end, self._buffer)
            self._opened_at = monotonic()
        return self._opening

    def opening_of(self, source: Source) -> Iterator[bytes]:
        """What a reader of many is sent of one symbol that it is to begin anew with."""
        return map(unmarked, self._opening_of(source))

    def _is_gone(self, index: int) -> bool:
        return self.log.frames_from(index, 0) is None

    def _opening_of(self, source: Source) -> Iterator[Frame]:
        followed, symbol = source.followed, source.followed.ring.symbol
        if followed.book is None:
            yield self._own(status_frame(symbol, "syncing", NO_BOOK_YET))
            return
        yield self._snapshot(source, None)
        if followed.status == "syncing":
            yield self._own(status_frame(symbol, "syncing", followed.reason))
        if followed.ring.stale:
            yield self._own(status_frame(symbol, "stale", "age"))

    def _on_change(self, source: Source) -> None:
        symbol = source.followed.ring.symbol
        if symbol in self._listeners:
            source.followed.ring.on_change(self._listeners[symbol])
            self._pull(source)

    def _pull(self, source: Source) -> None:
        followed = source.followed
        followed.advance()
        if followed.book is None:
            if source.held is None:
                source.held = self.watermark
            return
        if source.generation != followed.generation:
            self._begin(source)
        elif self.cut is None:
            self._pass_on(source, lambda _frame: True)
        else:
            self._pass_on(source, is_no_book)
            self._changed[source] = None
            self._show_when_due()

    def _begin(self, source: Source) -> None:
        """Tell the readers of a book that is known now, and whether they missed any of it."""
        followed = source.followed
        reason = followed.lost_for if source.generation else source.owed
        if reason is not None:
            missed = followed.position.events_since(source.position)
            lagged = lagged_frame(followed.ring.symbol, missed, reason)
            self.log.append(self._own(lagged))
            LAGGED.labels(reason).inc(self.readers)
        self._append_all(self._opening_of(source))
        if self.cut is not None and followed.book is not None:
            source.seen = followed.rendered(self._levels).seen
        source.generation, source.next = followed.generation, followed.next
        source.position, source.held = followed.position, None

    def _pass_on(self, source: Source, wanted: Callable[[Frame], bool]) -> None:
        frames = source.followed.ring.frames_from(source.next) or []
        source.next = source.followed.next
        source.position = source.followed.position if self.cut is None else source.position
        self._append_all(filter(wanted, frames))

    def _append_all(self, frames: Iterable[Frame]) -> None:
        empty = True
        for frame in frames:
            empty = False
            self.log.append(replace(frame, id=str(self.watermark)) if self.is_many else frame)
        if not empty and not self._waking:
            # What of other symbols comes in the same answer of Redis goes out in the same write.
            self._waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self.log.wake()

    def _show_when_due(self) -> None:
        assert self.cut is not None
        wait = self._next_shown - monotonic()
        if wait <= 0:
            self._show_changed()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._show_changed)

    def _show_changed(self) -> None:
        assert self.cut is not None
        self._timer = None
        # Of this thread: other processes that had the core are no reason to wait longer.
        begun = thread_time()
        changed, self._changed = self._changed, {}
        shown = [frame for source in changed for frame in self._change_of(source)]
        if shown:
            self._make_room(sum(len(frame.sse) + FRAME_BYTES for frame in shown))
            self._append_all(shown)
        self._show_seconds = believed_seconds(thread_time() - begun, self._show_seconds)
        interval = self.cut.interval if shown else 0.0
        self._next_shown = monotonic() + self._pace.pause_after(self._show_seconds, interval)

    def _make_room(self, size: int) -> None:
        """Have the log of a cut channel keep what is shown at once, and little more."""
        if self.cut is not None:
            own = len(self.sources) * SOURCE_BYTES
            self.log.keep(own, max(FLOOR_BYTES, size), max(self._cut_bytes, 2 * size))

    def _change_of(self, source: Source) -> Iterator[Frame]:
        followed = source.followed
        if followed.book is None:
            return
        seen = followed.rendered(self._levels).seen
        if seen != source.seen:
            source.seen = seen
            passed = followed.position.events_since(source.position)
            conflated = None if passed is None else max(0, passed - 1)
            source.position = followed.position
            yield self._snapshot(source, conflated)

    @property
    def _levels(self) -> int | None:
        return None if self.cut is None else self.cut.levels

    def _snapshot(self, source: Source, conflated: int | None) -> Frame:
        followed = source.followed
        data = followed.rendered(self._levels).snapshot(conflated)
        return Frame(followed.position, followed.event_id, sse_frame(followed.event_id, data))

    def _own(self, sse: bytes) -> Frame:
        return Frame(NOWHERE, "", sse)

    def _rendered(self, opening: list[Frame]) -> list[bytes]:
        """Of many, the last event alone has the watermark: all before it were not sent before."""
        if not self.is_many:
            return [frame.sse for frame in opening]
        rendered = [unmarked(frame) for frame in opening]
        numbered = [index for index, frame in enumerate(opening) if is_numbered(frame)]
        if numbered:
            last = numbered[-1]
            rendered[last] = watermarked(replace(opening[last], id=str(self.watermark)))
        return rendered


def watermarked(frame: Frame) -> bytes:
    """The event as SSE with its frame's id, a watermark, in place of its own."""
    if not is_numbered(frame):
        return frame.sse
    return b"id: %b\n%b" % (frame.id.encode(), frame.sse[frame.sse.index(b"data: ") :])


def unmarked(frame: Frame) -> bytes:
    """The event as SSE without an id: there is more to send before a watermark is true."""
    return frame.sse[frame.sse.index(b"data: ") :] if is_numbered(frame) else frame.sse


def is_no_book(frame: Frame) -> bool:
    """Whether it tells a status, and nothing of the levels."""
    return not is_numbered(frame) or b'"kind":"status"' in frame.sse[:200]


def is_later(frame: Frame, milliseconds: int) -> bool:
    """Whether an event of the stream was written later than that."""
    return is_numbered(frame) and milliseconds_of(frame.id) > milliseconds
