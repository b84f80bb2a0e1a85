"""Make the events for all readers of the same symbols in the same view, once for all of them.

A channel is a log that grows while it has readers. It has a snapshot of each symbol, then the
symbol's events. If a book is lost and joined again, the log gets `lagged` and another snapshot. A
raw channel passes events on; a channel with a view appends snapshots of changed books. The log of a
view is short, because a reader that falls behind needs only the newest state of each book.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterable, Iterator
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

# Readers that open within this time of each other share an opening.
OPENING_SECONDS = 0.5
# Bound of a view's log, or twice the snapshots of one showing if that is more. A longer log would
# take a slow reader longer than a new opening.
VIEW_BYTES = 256 * 1024
# Memory that a channel needs for a symbol, besides events.
MEMBER_BYTES = 1000
# Symbols that left a channel and may return; the channel keeps their last positions.
MAX_LEFT = 1000


class ChannelOpening:
    """The first events for readers that open together; pinned in the buffer until it is freed."""

    def __init__(self, parts: list[bytes], index: int, buffer: Buffer) -> None:
        self.parts = parts
        self.index = index
        """The index in the log at which readers continue."""
        self.size = sum(map(len, parts))
        buffer.pin(self.size)
        weakref.finalize(self, buffer.unpin, self.size).atexit = False


class Channel:
    """The log for one choice of symbols and view, and the books that it shows.

    `watermark` is a time of Redis's clock in milliseconds. The log, or an opening before it, has
    every event up to that time.

    Args:
        name: The symbol of a channel of one symbol.
        view: The view of the books, None to pass their events on.
        watermark: The first watermark.
        buffer: The buffer of the process.
        pace: Limits the time that all views of the process take.
        is_many: Whether ids are watermarks.
        view_bytes: Bound of the log of a view.
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

    def add(self, followed: FollowedBook, hidden_for: str | None = None) -> None:
        """Add a symbol to the channel.

        Args:
            followed: The book of the symbol.
            hidden_for: Why the venue refuses the symbol, None if it does not.
        """
        member = ChannelMember(followed, self.view, self.watermark)
        member.hidden_for = hidden_for
        symbol = member.symbol
        self.members[symbol] = member
        if symbol in self._left:
            member.position, member.owed = self._left.pop(symbol), "trimmed"
        elif self._is_resumed:
            member.owed = "unknown"
        self.log.keep(len(self.members) * MEMBER_BYTES)
        self._listeners[symbol] = partial(self._on_change, member)
        self._on_change(member)

    def hide(self, symbol: str, reason: str) -> None:
        """Append a status for a symbol that the venue refuses, and leave it out of openings."""
        member = self.members[symbol]
        self._pull(member)
        self._opening = None
        self._append_all([member.hide(reason)])

    def show(self, symbol: str) -> None:
        """Append the book of a symbol that was hidden, and put it into openings again."""
        member = self.members[symbol]
        self._opening = None
        self._append_all(member.show())
        self._pull(member)

    def leave(self, symbol: str, reason: str) -> FollowedBook:
        """Remove a symbol from the channel.

        Args:
            symbol: The symbol.
            reason: The reason of the status that readers get.

        Returns:
            The book that the channel no longer follows.
        """
        member = self.members[symbol]
        self._pull(member)
        if member.hidden_for is None:
            self._append_all([api_event(status_sse(symbol, "syncing", reason))])
        self._left[symbol] = member.position
        while len(self._left) > MAX_LEFT:
            del self._left[next(iter(self._left))]
        return self._remove(symbol)

    def close(self) -> Iterator[FollowedBook]:
        """Close a channel without readers; yield the books that it no longer follows."""
        if self._timer is not None:
            self._timer.close()
        for symbol in list(self.members):
            yield self._remove(symbol)
        self._opening = None
        self.log.close()

    def note_resumed(self) -> None:
        """Note that a reader resumed: it may know books that this channel has not joined yet."""
        self._is_resumed = True
        for member in self.members.values():
            if not member.has_begun and member.owed is None:
                member.owed = "unknown"

    def pull(self) -> None:
        """Append the events that the rings have and the log lacks."""
        for member in self.members.values():
            self._pull(member)

    def move_watermark(self, listed_at: int | None = None) -> None:
        """Move the watermark to the latest time up to which the log has every event.

        Args:
            listed_at: The time up to which no symbol that is not a member had an event; None if
                there is no bound.
        """
        self.pull()
        marks = [member.mark() for member in self.members.values()]
        known = [mark for mark in marks if mark is not None]
        if known:
            self.watermark = min(known if listed_at is None else [*known, listed_at])

    def check_lost_books(self) -> None:
        """Append a status for books that stay lost, and drop an opening that is too old.

        Call this regularly. A book is reported when it is lost at two calls in a row.
        """
        if self._is_opening_old():
            self._opening = None
        for symbol, member in self.members.items():
            if member.check_lost():
                self._append_all([api_event(status_sse(symbol, "syncing", NO_BOOK_YET))])

    @property
    def can_open(self) -> bool:
        """Return whether the buffer has room for an opening as large as the last one."""
        return self._opening is not None or self._buffer.has_room(self._opening_bytes)

    def opening(self) -> ChannelOpening:
        """Return the first events for a reader; raise NoRoom if other openings fill the buffer."""
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
        """Return the first events of one symbol, without ids, for a reader of many symbols."""
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
            # Deferred, so that events of other symbols in the same reply join the same write.
            self._is_waking = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        self.log.wake()

    def _make_room(self, size: int) -> None:
        """Bound the log of a view so that it keeps one showing of `size` bytes, and little more."""
        if self.view is not None:
            own = len(self.members) * MEMBER_BYTES
            self.log.keep(own, max(FLOOR_BYTES, size), max(self._view_bytes, 2 * size))

    def _rendered(self, opening: list[SseEvent]) -> list[bytes]:
        """Return the events of an opening as SSE.

        If ids are watermarks, only the last event has one: a reader that is disconnected within the
        opening must not resume after the watermark.
        """
        if not self.is_many:
            return [event.sse for event in opening]
        rendered = [unmarked(event) for event in opening]
        numbered = [index for index, event in enumerate(opening) if is_numbered(event)]
        if numbered:
            last = numbered[-1]
            rendered[last] = watermarked(replace(opening[last], id=str(self.watermark)))
        return rendered
