"""A symbol's book as it is now, kept from the events in its ring and verified at each.

One for all that show the same symbol, whatever they show of it.
"""

from __future__ import annotations

import msgspec

from api.cut import Shown
from api.frame_log import Frame, Place
from api.ring import Ring
from api.store import StoredBook
from kraken_book.book import Book, BookError
from kraken_book.event import (
    LaggedReason,
    Snapshot,
    StatusChange,
    Update,
    decode_event,
    render_snapshot,
)
from kraken_book.level import LevelError
from kraken_book.precision import Precision
from kraken_book.view import view_of
from service.logs import get_logger

log = get_logger(__name__)

_pairs = msgspec.json.Decoder(list[tuple[str, str]])


class FollowedBook:
    """The book, from the moment it is joined until events are missed; then it is joined again.

    `generation` counts the joins: in between, events follow each other. `book` is None while it
    is not known.
    """

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.generation = 0
        self.readers = 0
        self.book: Book | None = None
        self.place = Place(0, 0)
        self.event_id = ""
        self.lost_for: LaggedReason = "unknown"
        self.status = "live"
        self.reason: str | None = None
        self._next = 0
        self._source = ""
        self._checksum = 0
        self._exchange_time: str | None = None
        self._received_at: str | None = None

    def join(self, stored: StoredBook) -> None:
        """Begin with the book of a hash, where the ring goes on from it."""
        hashed = stored.hash
        index = self.ring.index_after(Place(hashed.epoch, hashed.seq))
        if index is None or hashed.view is None:
            return
        view = hashed.view
        book = Book(hashed.symbol, view.depth, view.precision)
        try:
            bids, asks = _pairs.decode(view.bids), _pairs.decode(view.asks)
            book.replace(book.levels(bids), book.levels(asks))
            book.verify(view.checksum)
        except (BookError, LevelError, msgspec.DecodeError) as error:
            log.error("what lies in redis is no book", symbol=hashed.symbol, error=str(error))
            return
        self.book, self._next = book, index
        self.status, self.reason = hashed.status, None
        self.place, self.event_id = Place(hashed.epoch, hashed.seq), hashed.event_id
        self._source, self._checksum = view.source, view.checksum
        self._exchange_time, self._received_at = view.exchange_time, None
        self.generation += 1

    def advance(self) -> None:
        """Take every event that is in the ring."""
        if self.book is None:
            return
        frames = self.ring.frames_from(self._next)
        if frames is None:
            self._lose(self.ring.reason_to_fall(self._next))
            return
        self._next = self.ring.end
        try:
            for frame in frames:
                self._take(frame)
        except (BookError, LevelError, msgspec.DecodeError) as error:
            log.error("events do not make a book", symbol=self.ring.symbol, error=str(error))
            self._lose("unknown")

    @property
    def next(self) -> int:
        """The index, in the ring, of the first event that is not in the book yet."""
        return self._next

    def snapshot(self, conflated: int | None, shown: Shown | None = None) -> bytes:
        """The JSON of the book as a snapshot, the whole or what is `shown` of it."""
        assert self.book is not None, f"the book of {self.ring.symbol} is not known"
        view = view_of(self.book, self._source, self._checksum, self._exchange_time)
        if shown is not None:
            view = msgspec.structs.replace(view, bids=shown.bids, asks=shown.asks)
        is_cut = shown is not None and not shown.proves
        epoch, seq = self.place.epoch, self.place.seq
        return render_snapshot(view, seq, epoch, self._received_at, conflated, is_cut=is_cut)

    def _lose(self, reason: LaggedReason) -> None:
        self.book, self.lost_for = None, reason

    def _take(self, frame: Frame) -> None:
        if not is_numbered(frame):
            return
        self.place, self.event_id = frame.place, frame.id
        event = decode_event(data_of(frame))
        if isinstance(event, Snapshot):
            precision = Precision(event.price_precision, event.qty_precision)
            self.book = Book(event.symbol, event.depth, precision)
            self.book.replace(self.book.levels(event.bids), self.book.levels(event.asks))
            self._source = event.source
        elif isinstance(event, Update) and self.book is not None:
            self.book.update(self.book.levels(event.bids), self.book.levels(event.asks))
        else:
            if isinstance(event, StatusChange):
                self.status, self.reason = event.status, event.reason
            return
        if event.checksum is not None:
            self.book.verify(event.checksum)
            self._checksum = event.checksum
        self._exchange_time, self._received_at = event.exchange_time, event.received_at


def is_numbered(frame: Frame) -> bool:
    """Whether it is an event of the stream, and not the api's own."""
    return frame.sse.startswith(b"id: ")


def data_of(frame: Frame) -> bytes:
    """The JSON in a frame."""
    return frame.sse[frame.sse.index(b"data: ") + 6 :].rstrip()
