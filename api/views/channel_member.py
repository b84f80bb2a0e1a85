"""One symbol in a channel: how far its book has been sent to the channel's readers."""

from __future__ import annotations

from collections.abc import Container, Iterator

from api.follow.api_events import lagged_sse, status_sse
from api.follow.event_log import SseEvent, render_sse
from api.views.channel_log import api_event, is_status
from api.views.followed_book import FollowedBook
from api.views.view import View
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE

NO_BOOK_YET = "no book yet"


class ChannelMember:
    """How far a followed book has come into a channel's log, and the events that follow.

    Args:
        followed: The book.
        view: The view in which the channel shows it; None if it passes the events on.
        watermark: The channel's watermark. It waits there until the book is known.
    """

    def __init__(self, followed: FollowedBook, view: View | None, watermark: int) -> None:
        self.followed = followed
        self.symbol = followed.ring.symbol
        self.position = NOWHERE
        """The position of the last event that readers were sent, or of their last snapshot."""
        self.owed: LaggedReason | None = None
        """Why a reader may have had events before those that come first here."""
        self._view = view
        self._levels = None if view is None else view.levels
        self._generation = 0
        self._next = 0
        # What readers see, as `RenderedSnapshot.seen` says it.
        self._seen: int | None = None
        # At how many looks in a row the book was lost.
        self._looks_lost = 0
        # The watermark when the book was lost; None while the book is known.
        self._held: int | None = watermark

    @property
    def has_begun(self) -> bool:
        """Whether readers have been sent a snapshot of this book."""
        return self._generation > 0

    @property
    def has_rejoined(self) -> bool:
        """Whether the book was joined, or joined again, since readers were sent its snapshot."""
        return self._generation != self.followed.generation

    def advance(self, watermark: int) -> bool:
        """Apply what has come into the ring, and return whether the book is known.

        Args:
            watermark: The channel's watermark, which waits there if the book is lost.
        """
        self.followed.advance()
        if self.followed.book is not None:
            return True
        if self._held is None:
            self._held = watermark
        return False

    def mark(self, without_book: Container[str]) -> int | None:
        """Return up to when its events are in the log, in Redis's milliseconds.

        None if that is not known, or if nothing is to be waited for: the book is not known, and
        its symbol is one of those `without_book`.
        """
        if self._held is None:
            return self.followed.ring.complete
        return None if self.symbol in without_book else self._held

    def note_look(self) -> bool:
        """Count a look at the book; return whether it has been lost at exactly two in a row."""
        is_lost = self.has_begun and self.followed.book is None
        self._looks_lost = self._looks_lost + 1 if is_lost else 0
        return self._looks_lost == 2

    def lagged_reason(self) -> LaggedReason | None:
        """Return why readers missed events before the book that is known; None if they did not."""
        return self.followed.lost_for if self.has_begun else self.owed

    def begin(self) -> list[SseEvent]:
        """Return the events that tell readers of a book that has been joined."""
        followed, reason = self.followed, self.lagged_reason()
        events = list(self.opening())
        if reason is not None:
            missed = followed.position.events_since(self.position)
            events.insert(0, api_event(lagged_sse(self.symbol, missed, reason)))
        if self._view is not None:
            self._seen = followed.rendered(self._levels).seen
        self._generation, self._next = followed.generation, followed.next
        self.position, self._held = followed.position, None
        return events

    def opening(self) -> Iterator[SseEvent]:
        """Yield the book as it is, for a reader that has nothing of it."""
        followed = self.followed
        if followed.book is None:
            yield api_event(status_sse(self.symbol, "syncing", NO_BOOK_YET))
            return
        yield self._snapshot(None)
        if followed.is_syncing:
            yield api_event(status_sse(self.symbol, "syncing", followed.reason))
        if followed.ring.stale:
            yield api_event(status_sse(self.symbol, "stale", "age"))

    def next_events(self) -> list[SseEvent]:
        """Return the events of the ring that follow: a view passes statuses on, and no levels."""
        events = self.followed.ring.events_from(self._next) or []
        self._next = self.followed.next
        if self._view is not None:
            return [event for event in events if is_status(event)]
        self.position = self.followed.position
        return events

    def changed_snapshot(self) -> SseEvent | None:
        """Return the view's next snapshot, None if readers would see no difference."""
        followed = self.followed
        if followed.book is None:
            return None
        seen = followed.rendered(self._levels).seen
        if seen == self._seen:
            return None
        passed = followed.position.events_since(self.position)
        self._seen, self.position = seen, followed.position
        return self._snapshot(None if passed is None else max(0, passed - 1))

    def _snapshot(self, conflated: int | None) -> SseEvent:
        followed = self.followed
        data = followed.rendered(self._levels).snapshot(conflated)
        return SseEvent(followed.position, followed.event_id, render_sse(followed.event_id, data))
