"""One symbol of a channel: its book, and how much of it is in the channel's log."""

from __future__ import annotations

from collections.abc import Iterator

from api.follow.api_events import lagged_sse, status_sse
from api.follow.event_log import SseEvent, render_sse
from api.views.channel_log import api_event, is_status
from api.views.followed_book import FollowedBook, is_numbered
from api.views.view import View
from kraken_book.event import LaggedReason
from kraken_book.position import NOWHERE

NO_BOOK_YET = "no book yet"


class ChannelMember:
    """The progress of a followed book in a channel's log, and the next events for the log.

    Args:
        followed: The book.
        view: The view of the channel, None if it passes the events on.
        watermark: The channel's watermark; this member holds it there until the book is joined.
    """

    def __init__(self, followed: FollowedBook, view: View | None, watermark: int) -> None:
        self.followed = followed
        self.symbol = followed.ring.symbol
        self.position = NOWHERE
        """The position of the last event or snapshot in the log."""
        self.owed: LaggedReason | None = None
        """The reason of the `lagged` before the first snapshot, None if none is needed."""
        self.hidden_for: str | None = None
        """Why the venue refuses the symbol, None if it does not. Openings leave out its book."""
        self._view = view
        self._levels = None if view is None else view.levels
        self._generation = 0
        self._next = 0
        # Whether the last status of the api in the log is `stale`.
        self._is_told_stale = False
        # `RenderedSnapshot.seen` of the last snapshot.
        self._seen: int | None = None
        # The number of calls of `check_lost` in a row that found the book lost.
        self._lost_checks = 0
        # The watermark when the book was lost; None while the book is joined.
        self._held: int | None = watermark

    @property
    def has_begun(self) -> bool:
        """Return whether the log has had a snapshot of this book."""
        return self._generation > 0

    @property
    def has_rejoined(self) -> bool:
        """Return whether the book was joined since its last opening snapshot in the log."""
        return self._generation != self.followed.generation

    def advance(self, watermark: int) -> bool:
        """Apply the new events of the ring to the book.

        Args:
            watermark: The channel's watermark; this member holds it there if the book is lost.

        Returns:
            Whether the book is joined.
        """
        self.followed.advance()
        if self.followed.book is not None:
            return True
        if self._held is None:
            self._held = watermark
        return False

    def mark(self) -> int | None:
        """Return the time up to which the log has this book's events, by Redis's clock.

        The time is in milliseconds, and None if it is unknown.
        """
        if self._held is None:
            return self.followed.ring.complete
        return max(self._held, self.followed.absent_at)

    def check_lost(self) -> bool:
        """Return whether the book is lost at exactly the second call in a row."""
        is_lost = self.has_begun and self.followed.book is None and self.hidden_for is None
        self._lost_checks = self._lost_checks + 1 if is_lost else 0
        return self._lost_checks == 2

    def lagged_reason(self) -> LaggedReason | None:
        """Return why readers missed events before the book was joined; None if they did not."""
        return self.followed.lost_for if self.has_begun else self.owed

    def begin(self) -> list[SseEvent]:
        """Return the first events of a book that has been joined, `lagged` among them if needed."""
        followed, reason = self.followed, self.lagged_reason()
        events = list(self.opening())
        if reason is not None:
            if not events:
                # The symbol is refused, but readers that know its book must get `lagged`.
                events = [*self._present(), api_event(self._hidden_status())]
            missed = followed.position.events_since(self.position)
            first = [lagged_sse(self.symbol, missed, reason)]
            if self._is_told_stale:
                # What follows has another `stale` if it still holds.
                first.append(status_sse(self.symbol, "live", None))
            events = [*map(api_event, first), *events]
        self._note_shown()
        self._generation, self._next = followed.generation, followed.next
        self._held = None
        return events

    def hide(self, reason: str) -> SseEvent:
        """Leave the book out of openings, because the venue refuses the symbol for `reason`.

        Its numbered events still go to the log, so that no reader misses one that comes before the
        list of symbols says that the symbol is back.

        Returns:
            The status for the log.
        """
        self.hidden_for = reason
        return api_event(self._hidden_status())

    def show(self) -> list[SseEvent]:
        """Put the book into openings again, and return the events for the log, the book first."""
        self.hidden_for = None
        if self.followed.book is None or self.has_rejoined:
            return []
        events = list(self.opening())
        self._note_shown()
        if len(events) == 1:
            # Readers that have this book already ignore the snapshot.
            events.append(api_event(status_sse(self.symbol, "live", None)))
        return events

    def opening(self) -> Iterator[SseEvent]:
        """Yield the snapshot and the statuses that open the book for a new reader."""
        if self.hidden_for is not None and (self.followed.book is None or self.followed.is_syncing):
            return
        if self.followed.book is None:
            yield api_event(status_sse(self.symbol, "syncing", NO_BOOK_YET))
            return
        yield from self._present()

    def _present(self) -> Iterator[SseEvent]:
        followed = self.followed
        yield self._snapshot(None, opens=True)
        if followed.is_syncing:
            yield api_event(status_sse(self.symbol, "syncing", followed.reason))
        if followed.ring.is_stale:
            yield api_event(status_sse(self.symbol, "stale", "age"))

    def next_events(self) -> list[SseEvent]:
        """Return the next events of the ring; for a view, only those without levels."""
        events = self.followed.ring.events_from(self._next) or []
        self._next = self.followed.next
        if self.hidden_for is None:
            self._is_told_stale = self.followed.ring.is_stale
        else:
            # Not the api's statuses: readers have one with the reason of the refusal.
            events = [event for event in events if is_numbered(event)]
        if self._view is not None:
            return [event for event in events if is_status(event)]
        self.position = self.followed.position
        return events

    def changed_snapshot(self) -> SseEvent | None:
        """Return the view's next snapshot, None if it would look like the last one."""
        followed = self.followed
        if followed.book is None:
            return None
        seen = followed.rendered(self._levels, opens=False).seen
        if seen == self._seen:
            return None
        passed = followed.position.events_since(self.position)
        self._seen, self.position = seen, followed.position
        return self._snapshot(None if passed is None else max(0, passed - 1), opens=False)

    def _hidden_status(self) -> bytes:
        return status_sse(self.symbol, "syncing", self.hidden_for)

    def _note_shown(self) -> None:
        """Note that the log has the present book and its status."""
        self._is_told_stale = self.followed.ring.is_stale
        if self._view is not None:
            self._seen = self.followed.rendered(self._levels, opens=True).seen
        self.position = self.followed.position

    def _snapshot(self, conflated: int | None, *, opens: bool) -> SseEvent:
        followed = self.followed
        data = followed.rendered(self._levels, opens=opens).snapshot(conflated)
        return SseEvent(followed.position, followed.event_id, render_sse(followed.event_id, data))
