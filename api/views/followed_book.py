"""Rebuild a symbol's book from its ring, and render its snapshots for views.

All channels that show the symbol share the book, in any view.
"""

from __future__ import annotations

import msgspec

from api.follow.buffer import Buffer
from api.follow.event_log import SseEvent
from api.follow.ring import Ring
from api.store.book_store import BookWithAge
from api.views.view import render_view
from kraken_book.book import Book
from kraken_book.book_snapshot import snapshot_of
from kraken_book.errors import BookError
from kraken_book.event import (
    LaggedReason,
    Update,
    decode_event,
    render_snapshot,
    snapshot_event,
)
from kraken_book.position import NOWHERE, Position
from kraken_book.verified_book import BookState, VerifiedBook
from runtime.logs import get_logger

log = get_logger(__name__)

# The end of a snapshot's JSON if the value of `conflated`, its last member, is unknown.
_UNKNOWN_CONFLATED = b"null}"
# Snapshots of one state, in different views, that are kept.
MAX_RENDERED = 4
# Raised if the data in Redis is not a valid event or book.
INVALID_DATA_ERRORS = (BookError, msgspec.DecodeError, ValueError)


class RenderedSnapshot:
    """The JSON of a snapshot of one state of a book, cut to some levels; shared by channels."""

    __slots__ = ("head", "seen")

    def __init__(self, head: bytes, seen: int) -> None:
        self.head = head
        """The JSON without the value of `conflated`, its last member."""
        self.seen = seen
        """A hash of the visible content: equal if a reader would see no difference."""

    def snapshot(self, conflated: int | None) -> bytes:
        """Return the JSON with this value of `conflated`."""
        return self.head + (_UNKNOWN_CONFLATED if conflated is None else b"%d}" % conflated)


class FollowedBook:
    """A book that is joined from its hash, and lost when events are missing or invalid.

    A join begins with the book of the hash, at its position in the ring. After that the book
    continues with the ring's events. A lost book is joined again. `generation` counts the joins:
    within a generation no event is missing.
    """

    def __init__(self, ring: Ring, buffer: Buffer | None = None) -> None:
        self.ring = ring
        self._rendered: dict[tuple[int | None, bool], RenderedSnapshot] = {}
        self._share = (Buffer() if buffer is None else buffer).share(self._evict_rendered, floor=0)
        # The last fault that was logged, so that repeated attempts do not log it again.
        self._logged_fault = ""
        self.generation = 0
        self.readers = 0
        self.event_id = ""
        """The id of the last event of the book."""
        self.absent_at = 0
        """A time of Redis's clock in milliseconds at which Redis had no book of the symbol."""
        self.lost_for: LaggedReason = "unknown"
        """The reason of the last loss."""
        self._verified = VerifiedBook(ring.symbol)
        self._is_lost = True
        # Whether the hash was `syncing` at the join. Its book is older than that status, so updates
        # from before the loss may follow. They do not clear this; any other event does.
        self._was_syncing = False
        self._next = 0

    @property
    def book(self) -> Book | None:
        """Return the last verified book, None while it is lost."""
        return None if self._is_lost else self._verified.book

    @property
    def position(self) -> Position:
        """Return the position of the last event of the book."""
        return self._verified.position or NOWHERE

    @property
    def is_syncing(self) -> bool:
        """Return whether the collector has lost the book, so that this one is not live."""
        return self._was_syncing or self._verified.state is BookState.SYNCING

    @property
    def reason(self) -> str | None:
        """Return why the collector has lost the book, None if it gave no reason."""
        status = self._verified.collector_status
        return status.reason if status else None

    def join(self, stored: BookWithAge) -> None:
        """Begin with the book of a hash, if it is valid and the ring has every event after it."""
        snapshot, position = stored.hash.snapshot, stored.position
        if snapshot is None or position is None:
            return
        index = self.ring.index_after(position)
        if index is None:
            return
        verified = VerifiedBook(self.ring.symbol)
        try:
            verified.apply(snapshot_event(snapshot, position))
        except INVALID_DATA_ERRORS as error:
            if self._note_fault("stored book", error):
                log.error("stored book invalid", symbol=self.ring.symbol, error=str(error))
            return
        self._drop_rendered()
        self._verified, self._is_lost = verified, False
        self._was_syncing = stored.hash.status == "syncing"
        self._next, self.event_id = index, stored.hash.event_id
        self.generation += 1

    def advance(self) -> None:
        """Apply the new events of the ring."""
        if self.book is None:
            return
        events = self.ring.events_from(self._next)
        if events is None:
            self._lose(self.ring.lagged_reason(self._next))
            return
        self._next = self.ring.end
        try:
            for event in events:
                self._apply(event)
        except INVALID_DATA_ERRORS as error:
            if self._note_fault("event", error):
                log.error("event invalid, book lost", symbol=self.ring.symbol, error=str(error))
            self._lose("unknown")
        if events:
            self._drop_rendered()

    @property
    def next(self) -> int:
        """Return the index in the ring of the first event that is not in the book yet."""
        return self._next

    def rendered(self, levels: int | None, *, opens: bool) -> RenderedSnapshot:
        """Return a snapshot of the book.

        Args:
            levels: The number of levels to which it is cut; None for all.
            opens: Whether it opens a stream, so that no event was received with it.
        """
        key = levels, opens
        found = self._rendered.get(key)
        if found is None:
            if len(self._rendered) >= MAX_RENDERED:
                self._drop_rendered()
            found = self._rendered[key] = self._render(levels, opens=opens)
            self._share.add(len(found.head))
        return found

    def close(self) -> None:
        """Remove the book from the buffer, because no channel shows it any more."""
        self._share.close()

    def _render(self, levels: int | None, *, opens: bool) -> RenderedSnapshot:
        verified, book = self._verified, self.book
        assert book is not None, f"the book of {self.ring.symbol} is not known"
        shown = render_view(book, levels)
        snapshot = snapshot_of(
            book, verified.source, verified.checksum, verified.exchange_time, verified.proof
        )
        snapshot = msgspec.structs.replace(snapshot, bids=shown.bids, asks=shown.asks)
        epoch, seq = self.position.epoch, self.position.seq
        received_at = None if opens else verified.received_at
        data = render_snapshot(snapshot, seq, epoch, received_at, None, is_cut=not shown.proves)
        # The hash, because every member keeps it and the texts would take more memory.
        return RenderedSnapshot(data.removesuffix(_UNKNOWN_CONFLATED), hash(shown))

    def _evict_rendered(self, _size: int = 0) -> int:
        """Drop all rendered snapshots, whatever size the buffer requests; return their bytes."""
        size = sum(len(each.head) for each in self._rendered.values())
        self._rendered.clear()
        return size

    def _drop_rendered(self) -> None:
        if self._rendered:
            self._share.add(-self._evict_rendered())

    def _note_fault(self, place: str, error: Exception) -> bool:
        """Store a fault, and return whether it differs from the one before."""
        before, self._logged_fault = self._logged_fault, f"{place}: {error}"
        return before != self._logged_fault

    def _lose(self, reason: LaggedReason) -> None:
        self._is_lost, self.lost_for = True, reason

    def _apply(self, sent: SseEvent) -> None:
        if not is_numbered(sent):
            return
        event = decode_event(data_of(sent))
        if event.symbol != self.ring.symbol:
            raise ValueError(f"the stream has an event of {event.symbol!r}")
        self._verified.apply(event)
        self.event_id = sent.id
        if self._was_syncing:
            self._was_syncing = isinstance(event, Update)


def is_numbered(event: SseEvent) -> bool:
    """Return whether the event has an id: it is of the stream, not added by the api."""
    return event.sse.startswith(b"id: ")


def data_of(event: SseEvent) -> bytes:
    """Return the JSON of an event."""
    return event.sse[event.sse.index(b"data: ") + 6 :].rstrip()
