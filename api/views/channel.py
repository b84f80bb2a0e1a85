"""What readers of the same books in the same view are sent, made once for all of them.

A channel is a log that grows while anybody reads it. Of each of its symbols it has first a
snapshot, then what follows; a book that is lost and found again is told as `lagged`, with another
snapshot. A raw channel passes the events on; a channel with a view sends snapshots of what changed.
The latter keeps little: a reader that falls behind needs the newest state of each book, and nothing
else.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from time import monotonic

from msgspec.structs import replace

from api.follow.api_events import status_sse
from api.follow.buffer import FLOOR_BYTES, Buffer
from api.follow.event_log import EVENT_OVERHEAD_BYTES, SseEvent
from api.store.metrics import LAGGED
from api.views.channel_log import ChannelLog, OneSymbolLog, api_event, unmarked, watermarked
from api.views.channel_member import NO_BOOK_YET, ChannelMember
from api.views.followed_book import FollowedBook, is_numbered
from api.views.view import View
from api.views.view_pace import ViewPace, ViewTimer
from kraken_book.position import Position

# Readers that come within this time of each other begin at the same event, with the same bytes.
OPENING_SECONDS = 0.5
# A channel with a view keeps so much, or twice what it shows at once: more than an opening would
# take a reader longer to read than the opening.
VIEW_BYTES = 256 * 1024
# What a symbol costs a channel beside its events.
MEMBER_BYTES = 1000
# Symbols that have left and whose last positions are remembered.
MAX_LEFT = 1000


class ChannelOpening:
    """First events for readers that come together; its bytes count while a reader needs them."""

    def __init__(self, parts: list[bytes], index: int, buffer: Buffer) -> None:
        self.parts = parts
        self.index = index
        """The index in the log at which readers go on."""
        self.size = sum(map(len, parts))
        buffer.pin(self.size)
        weakref.finalize(self, buffer.unpin, self.size).atexit = False


class Channel:
    """The log for one choice of symbols and one view of them.

    `watermark` is in Redis's milliseconds: every event with an earlier or the same time is in the
    log, or in what came before it.

    Args:
        name: The symbol of a log of one symbol.
        view: How books are shown; None if their events are passed on.
        watermark: Where the watermark begins.
        buffer: The process's bound of memory.
        pace: The time of the event loop that all views share.
        is_many: Whether ids are watermarks.
        view_bytes: What a channel with a view keeps.
    """

    def __init__(
        self,
        name: str,
        view: View | None,
        watermark: int,
        buffer: Buffer,
        pace: ViewPace,
        *,
        is_many: bool,
        view_bytes: int = VIEW_BYTES,
    ) -> None:
        self.log = ChannelLog(buffer) if is_many else OneSymbolLog(name, buffer)
        self.view = view
        self.is_many = is_many
        self.watermark = watermark
        self.readers = 0
        self.members: dict[str, ChannelMember] = {}
        self._buffer = buffer
        self._view_bytes = view_bytes
        self._timer = view and ViewTimer(view.interval, pace, self._show_changed)
        self._changed: dict[ChannelMember, None] = {}
        self._left: dict[str, Position] = {}
        self._is_resumed = False
        self._opening: ChannelOpening | None = None
        self._opening_bytes = 0
        self._opened_at = float("-inf")
        self._listeners: dict[str, Callable[[], None]] = {}
        self._is_waking = False

    def add(self, followed: FollowedBook) -> None:
        """Show this symbol too."""
        member = ChannelMember(followed, self.view, self.watermark)
        symbol = member.symbol
        self.members[symbol] = member
        if symbol in self._left:
            member.position, member.owed = self._left.pop(symbol), "trimmed"
        elif self._is_resumed:
            member.owed = "unknown"
        self.log.keep(len(self.members) * MEMBER_BYTES)
        self._listeners[symbol] = partial(self._on_change, member)
        self._on_change(member)

    def leave(self, symbol: str, reason: str) -> FollowedBook:
        """Tell readers that this symbol has left, for `reason`; return the followed book."""
        member = self.members[symbol]
        self._pull(member)
        self._append_all([api_event(status_sse(symbol, "syncing", reason))])
        self._left[symbol] = member.position
        while len(self._left) > MAX_LEFT:
            del self._left[next(iter(self._left))]
        return self._remove(symbol)

    def close(self) -> Iterator[FollowedBook]:
        """End the channel, which nobody reads any more; yield the books that it followed."""
        if self._timer is not None:
            self._timer.close()
        for symbol in list(self.members):
            yield self._remove(symbol)
        self._opening = None
        self.log.close()

    def note_resumed(self) -> None:
        """Note that a reader came back: it may have had events of books not known here yet."""
        self._is_resumed = True
        for member in self.members.values():
            if not member.has_begun and member.owed is None:
                member.owed = "unknown"

    def pull(self) -> None:
        """Bring the log up to the rings."""
        for member in self.members.values():
            self._pull(member)

    def move_watermark(self, without_book: Container[str]) -> None:
        """Move the watermark up to when everything is in the log.

        Args:
            without_book: Symbols whose book is not waited for, because there is none.
        """
        self.pull()
        marks = [member.mark(without_book) for member in self.members.values()]
        self.watermark = min((m for m in marks if m is not None), default=self.watermark)

    def look_over(self) -> None:
        """Tell readers of books that stay lost, and forget an opening that nobody shares any more.

        Called now and then; a book is reported as lost if it is lost at two calls.
        """
        if self._is_opening_old():
            self._opening = None
        for symbol, member in self.members.items():
            if member.note_look():
                self._append_all([api_event(status_sse(symbol, "syncing", NO_BOOK_YET))])

    @property
    def can_open(self) -> bool:
        """Whether there is room for an opening as large as the last one."""
        return self._opening is not None or self._buffer.has_room(self._opening_bytes)

    def opening(self) -> ChannelOpening:
        """Return what a reader is sent first.

        Raises:
            NoRoom: Too much is being sent already to readers that came before.
        """
        opening = self._opening
        if opening is None or self._is_opening_old() or self._is_gone(opening.index):
            self._opening = None
            self.pull()
            parts = self._rendered([f for m in self.members.values() for f in m.opening()])
            self._opening_bytes = sum(map(len, parts))
            self._make_room(self._opening_bytes)
            opening = self._opening = ChannelOpening(parts, self.log.end, self._buffer)
            self._opened_at = monotonic()
        return opening

    def opening_of(self, member: ChannelMember) -> Iterator[bytes]:
        """Return what a reader of many is sent of one symbol that it is to begin anew with."""
        return map(unmarked, member.opening())

    def _remove(self, symbol: str) -> FollowedBook:
        member = self.members.pop(symbol)
        self._changed.pop(member, None)
        member.followed.ring.forget(self._listeners.pop(symbol))
        return member.followed

    def _is_opening_old(self) -> bool:
        return monotonic() - self._opened_at > OPENING_SECONDS

    def _is_gone(self, index: int) -> bool:
        return self.log.events_from(index, 0) is None

    def _on_change(self, member: ChannelMember) -> None:
        if member.symbol in self._listeners:
            member.followed.ring.on_change(self._listeners[member.symbol])
            self._pull(member)

    def _pull(self, member: ChannelMember) -> None:
        if not member.advance(self.watermark):
            return
        if member.has_rejoined:
            reason = member.lagged_reason()
            if reason is not None:
                LAGGED.labels(reason).inc(self.readers)
            self._append_all(member.begin())
            return
        self._append_all(member.next_events())
        if self._timer is not None:
            self._changed[member] = None
            self._timer.show_when_due()

    def _show_changed(self) -> bool:
        """Append a snapshot of each changed book, and return whether any looks different."""
        changed, self._changed = self._changed, {}
        snapshots = (member.changed_snapshot() for member in changed)
        shown = [event for event in snapshots if event is not None]
        if shown:
            self._make_room(sum(len(event.sse) + EVENT_OVERHEAD_BYTES for event in shown))
            self._append_all(shown)
        return bool(shown)

    def _append_all(self, events: Iterable[SseEvent]) -> None:
        is_empty = True
        for event in events:
            is_empty = False
            self.log.append(replace(event, id=str(self.watermark)) if self.is_many else event)
        if not is_empty and not self._is_waking:
            # Events of other symbols in the same answer of Redis go out in the same write.
            self._is_waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        self.log.wake()

    def _make_room(self, size: int) -> None:
        """Have the log of a channel with a view keep what is shown at once, and little more."""
        if self.view is not None:
            own = len(self.members) * MEMBER_BYTES
            self.log.keep(own, max(FLOOR_BYTES, size), max(self._view_bytes, 2 * size))

    def _rendered(self, opening: list[SseEvent]) -> list[bytes]:
        """Render an opening; of many symbols, its last event alone has the watermark.

        A reader that is cut off within the opening must not have the watermark.
        """
        if not self.is_many:
            return [event.sse for event in opening]
        rendered = [unmarked(event) for event in opening]
        numbered = [index for index, event in enumerate(opening) if is_numbered(event)]
        if numbered:
            last = numbered[-1]
            rendered[last] = watermarked(replace(opening[last], id=str(self.watermark)))
        return rendered
