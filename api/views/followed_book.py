"""A symbol's book, verified at each event of its ring, and its snapshots rendered for views.

All channels that show a symbol share one, whatever view they show of it.
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

_CONFLATED_LAST = b"null}"
# Different views of one state that are kept rendered.
MAX_RENDERED = 4
# What lies in Redis can be anything: these errors say that it is no event or no right book.
NO_BOOK = (BookError, msgspec.DecodeError, ValueError)


class RenderedSnapshot:
    """One state of a book as a snapshot's JSON with some of its levels; all channels share it."""

    __slots__ = ("head", "seen")

    def __init__(self, head: bytes, seen: int) -> None:
        self.head = head
        """The JSON without the value of `conflated`, its last member."""
        self.seen = seen
        """Equal for states of a book between which a reader would see no difference."""

    def snapshot(self, conflated: int | None) -> bytes:
        """Return the JSON of the snapshot."""
        return self.head + (_CONFLATED_LAST if conflated is None else b"%d}" % conflated)


class FollowedBook:
    """The book, from the moment it is joined until events are missed; then it is joined again.

    `generation` counts the joins: in between, events follow each other.
    """

    def __init__(self, ring: Ring, buffer: Buffer | None = None) -> None:
        self.ring = ring
        self._rendered: dict[int | None, RenderedSnapshot] = {}
        self._share = (Buffer() if buffer is None else buffer).share(self._forget_rendered, floor=0)
        # The last fault that was logged: it is not logged again at each attempt.
        self._logged = ""
        self.generation = 0
        self.readers = 0
        self.event_id = ""
        """The id of the last event of the book."""
        self.lost_for: LaggedReason = "unknown"
        """Why the book was lost last."""
        self._verified = VerifiedBook(ring.symbol)
        self._is_lost = True
        # Whether the hash was `syncing` at the join, until an event tells more. Its book may lie
        # behind updates that came before the collector lost the book.
        self._was_syncing = False
        self._next = 0

    @property
    def book(self) -> Book | None:
        """The last verified book, None while it is not known."""
        return None if self._is_lost else self._verified.book

    @property
    def position(self) -> Position:
        """The position of the last event of the book."""
        return self._verified.position or NOWHERE

    @property
    def is_syncing(self) -> bool:
        """Whether the collector has lost the book, so that the last verified one is not live."""
        return self._was_syncing or self._verified.state is BookState.SYNCING

    @property
    def reason(self) -> str | None:
        """Why the collector has lost the book, None if it did not say."""
        status = self._verified.collector_status
        return status.reason if status else None

    def join(self, stored: BookWithAge) -> None:
        """Begin with the book of a hash, if the ring goes on from there."""
        snapshot, position = stored.hash.snapshot, stored.position
        if snapshot is None or position is None:
            return
        index = self.ring.index_after(position)
        if index is None:
            return
        verified = VerifiedBook(self.ring.symbol)
        try:
            verified.apply(snapshot_event(snapshot, position))
        except NO_BOOK as error:
            self._log_once("what lies in redis is no book", error)
            return
        self._change_rendered()
        self._verified, self._is_lost = verified, False
        self._was_syncing = stored.hash.status == "syncing"
        self._next, self.event_id = index, stored.hash.event_id
        self.generation += 1

    def advance(self) -> None:
        """Apply every event that is in the ring."""
        if self.book is None:
            return
        events = self.ring.events_from(self._next)
        if events is None:
            self._lose(self.ring.reason_to_fall(self._next))
            return
        self._next = self.ring.end
        try:
            for event in events:
                self._apply(event)
        except NO_BOOK as error:
            self._log_once("events do not make a book", error)
            self._lose("unknown")
        if events:
            self._change_rendered()

    @property
    def next(self) -> int:
        """The index, in the ring, of the first event that is not in the book yet."""
        return self._next

    def rendered(self, levels: int | None) -> RenderedSnapshot:
        """Return the book as it is, cut to so many levels (None: all), as a snapshot."""
        found = self._rendered.get(levels)
        if found is None:
            if len(self._rendered) >= MAX_RENDERED:
                self._change_rendered()
            found = self._rendered[levels] = self._render(levels)
            self._share.add(len(found.head))
        return found

    def close(self) -> None:
        """Give back what it has of the buffer; nobody shows it any more."""
        self._share.close()

    def _render(self, levels: int | None) -> RenderedSnapshot:
        verified, book = self._verified, self.book
        assert book is not None, f"the book of {self.ring.symbol} is not known"
        shown = render_view(book, levels)
        view = snapshot_of(book, verified.source, verified.checksum, verified.exchange_time)
        view = msgspec.structs.replace(view, bids=shown.bids, asks=shown.asks)
        epoch, seq = self.position.epoch, self.position.seq
        received_at = verified.received_at
        data = render_snapshot(view, seq, epoch, received_at, None, is_cut=not shown.proves)
        # The texts themselves would be kept for every view that has shown them.
        return RenderedSnapshot(data.removesuffix(_CONFLATED_LAST), hash(shown))

    def _forget_rendered(self, _size: int) -> int:
        size = sum(len(each.head) for each in self._rendered.values())
        self._rendered.clear()
        return size

    def _change_rendered(self) -> None:
        if self._rendered:
            self._share.add(-self._forget_rendered(0))

    def _log_once(self, what: str, error: Exception) -> None:
        fault = f"{what}: {error}"
        if fault != self._logged:
            self._logged = fault
            log.error(what, symbol=self.ring.symbol, error=str(error))

    def _lose(self, reason: LaggedReason) -> None:
        self._is_lost, self.lost_for = True, reason

    def _apply(self, sent: SseEvent) -> None:
        if not is_numbered(sent):
            return
        event = decode_event(data_of(sent))
        if event.symbol != self.ring.symbol:
            raise ValueError(f"an event of {event.symbol!r} lies in this stream")
        self._verified.apply(event)
        self.event_id = sent.id
        if self._was_syncing:
            self._was_syncing = isinstance(event, Update)


def is_numbered(event: SseEvent) -> bool:
    """Return whether it is an event of the stream, and not the api's own."""
    return event.sse.startswith(b"id: ")


def data_of(event: SseEvent) -> bytes:
    """Return the JSON in an event."""
    return event.sse[event.sse.index(b"data: ") + 6 :].rstrip()
