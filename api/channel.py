"""What readers of the same books in the same view are sent, made once for all of them.

A channel is a log that grows while anybody reads it. Of each of its symbols it has first a
snapshot, then what follows; a book that is lost and found again is told as `lagged`, with another
snapshot. Raw, it passes on the events themselves; cut, snapshots of what changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from time import monotonic

from msgspec.structs import replace

from api.cut import Cut, Shown, show
from api.followed_book import FollowedBook, is_numbered
from api.frame_log import Frame, FrameLog, Place, sse_frame
from api.own_events import lagged_frame, status_frame
from api.ring import milliseconds_of

# Of many symbols, that much more goes through one log; its frames are the rings' own.
MANY_CAPACITY = 16_384
# Who comes so soon after another begins at the same frame, with the same bytes.
OPENING_SECONDS = 0.5


class ChannelLog(FrameLog):
    """The frames of many symbols; an id is a watermark, put before the event when it is sent."""

    symbol = "*"

    def _render(self, frame: Frame) -> bytes:
        return watermarked(frame)


class OneSymbolLog(FrameLog):
    """The frames of one symbol, each with its event's id."""

    def __init__(self, symbol: str) -> None:
        super().__init__()
        self.symbol = symbol


class Source:
    """One symbol in a channel: how far its events have come into the log."""

    def __init__(self, followed: FollowedBook) -> None:
        self.followed = followed
        self.generation = 0
        self.next = 0
        self.place = Place(0, 0)
        self.shown: Shown | None = None
        self.changed = False
        # Where the watermark stood when the book was lost: it waits there.
        self.held: int | None = None


class Channel:
    """The log for one choice of symbols (`is_many`: with watermarks) and one view of them.

    `watermark` is in Redis's milliseconds: every event with an earlier or the same time is in the
    log, or in what came before it.
    """

    def __init__(self, name: str, cut: Cut | None, watermark: int, *, is_many: bool) -> None:
        self.log = ChannelLog(MANY_CAPACITY) if is_many else OneSymbolLog(name)
        self.cut = cut
        self.is_many = is_many
        self.watermark = watermark
        self.readers = 0
        self.sources: dict[str, Source] = {}
        self._opening: tuple[list[bytes], int] = ([], -1)
        self._opened_at = float("-inf")
        self._next_shown = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._listeners: dict[str, Callable[[], None]] = {}
        self._waking = False

    def add(self, followed: FollowedBook) -> None:
        """Show this symbol too."""
        symbol = followed.ring.symbol
        source = self.sources[symbol] = Source(followed)
        source.held = self.watermark
        self._listeners[symbol] = partial(self._on_change, source)
        self._on_change(source)

    def remove(self, symbol: str) -> FollowedBook:
        """Show this symbol no more; the book that was followed for it."""
        followed = self.sources.pop(symbol).followed
        followed.ring.forget(self._listeners.pop(symbol))
        return followed

    def close(self) -> Iterator[FollowedBook]:
        """Nobody reads it any more; the books that were followed for it."""
        if self._timer is not None:
            self._timer.cancel()
        for symbol in list(self.sources):
            yield self.remove(symbol)

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

    def opening(self) -> tuple[list[bytes], int]:
        """What a reader is sent first, as frames, and where in the log it goes on from there."""
        if monotonic() - self._opened_at > OPENING_SECONDS or self._is_gone(self._opening[1]):
            self.pull()
            frames = [f for source in self.sources.values() for f in self._opening_of(source)]
            self._opening = (self._rendered(frames), self.log.end)
            self._opened_at = monotonic()
        return self._opening

    def opening_of(self, source: Source) -> Iterator[bytes]:
        """What a reader of many is sent of one symbol that it is to begin anew with."""
        return map(unmarked, self._opening_of(source))

    def _is_gone(self, index: int) -> bool:
        return self.log.frames_from(index) is None

    def _opening_of(self, source: Source) -> Iterator[Frame]:
        followed, symbol = source.followed, source.followed.ring.symbol
        if followed.book is None:
            yield self._own(status_frame(symbol, "syncing", "no book yet"))
            return
        shown = None if self.cut is None else show(followed.book, self.cut)
        yield self._snapshot(source, None, shown)
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
            source.changed = True
            self._show_when_due()

    def _begin(self, source: Source) -> None:
        """Tell the readers of a book that is known now, and whether they missed any of it."""
        followed = source.followed
        if source.generation:
            known = source.place.epoch == followed.place.epoch
            missed = max(0, followed.place.seq - source.place.seq) if known else None
            lagged = lagged_frame(followed.ring.symbol, missed, followed.lost_for)
            self.log.append(self._own(lagged))
        self._append_all(self._opening_of(source))
        if self.cut is not None and followed.book is not None:
            source.shown = show(followed.book, self.cut)
        source.generation, source.next = followed.generation, followed.next
        source.place, source.held = followed.place, None

    def _pass_on(self, source: Source, wanted: Callable[[Frame], bool]) -> None:
        frames = source.followed.ring.frames_from(source.next) or []
        source.next = source.followed.next
        source.place = source.followed.place if self.cut is None else source.place
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
        shown = [frame for source in self.sources.values() for frame in self._change_of(source)]
        if shown:
            self._next_shown = monotonic() + self.cut.interval
            self._append_all(shown)

    def _change_of(self, source: Source) -> Iterator[Frame]:
        followed = source.followed
        if not source.changed or followed.book is None or self.cut is None:
            return
        source.changed = False
        shown = show(followed.book, self.cut)
        if shown != source.shown:
            source.shown = shown
            known = source.place.epoch == followed.place.epoch
            conflated = max(0, followed.place.seq - source.place.seq - 1) if known else None
            source.place = followed.place
            yield self._snapshot(source, conflated, shown)

    def _snapshot(self, source: Source, conflated: int | None, shown: Shown | None) -> Frame:
        followed = source.followed
        data = followed.snapshot(conflated, shown)
        return Frame(followed.place, followed.event_id, sse_frame(followed.event_id, data))

    def _own(self, sse: bytes) -> Frame:
        return Frame(Place(0, 0), "", sse)

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
