"""A symbol's book as it is now, kept from the events in its ring and verified at each.

One for all that show the same symbol, whatever they show of it.
"""

from __future__ import annotations

import msgspec

from api.follow.buffer import Buffer
from api.follow.frame_log import Frame
from api.follow.ring import Ring
from api.store.book_store import StoredBook
from api.views.view import show
from kraken_book.book import DEPTHS, Book
from kraken_book.errors import BookError, LevelError
from kraken_book.event import (
    LaggedReason,
    Snapshot,
    StatusChange,
    Update,
    decode_event,
    render_snapshot,
)
from kraken_book.position import NOWHERE, Position
from kraken_book.precision import MAX_TEXT, Precision
from kraken_book.view import view_of
from runtime.logs import get_logger

log = get_logger(__name__)

_pairs = msgspec.json.Decoder(list[tuple[str, str]])

_CONFLATED_LAST = b"null}"
# Different cuts of one state that are kept rendered.
MOST_RENDERED = 4
# What is in Redis can be anything: these are raised by what makes no event, no level, no book.
NO_BOOK = (BookError, LevelError, msgspec.DecodeError, ValueError, TypeError, OverflowError)


class Rendered:
    """One state of a book as a snapshot's JSON, cut to some levels; shared by all who show it."""

    __slots__ = ("head", "seen")

    def __init__(self, head: bytes, seen: int) -> None:
        self.head = head
        """Return the JSON without the value of `conflated`, its last member."""
        self.seen = seen
        """Equal for states of a book between which a reader would see no difference."""

    def snapshot(self, conflated: int | None) -> bytes:
        """Return the JSON of the snapshot."""
        return self.head + (_CONFLATED_LAST if conflated is None else b"%d}" % conflated)


class FollowedBook:
    """The book, from the moment it is joined until events are missed; then it is joined again.

    `generation` counts the joins: in between, events follow each other. `book` is None while it
    is not known.
    """

    def __init__(self, ring: Ring, buffer: Buffer | None = None) -> None:
        self.ring = ring
        self._rendered: dict[int | None, Rendered] = {}
        self._share = (Buffer() if buffer is None else buffer).share(self._forget_rendered, floor=0)
        # What was said in the log last: the same fault is not said again at each attempt.
        self._said = ""
        self.generation = 0
        self.readers = 0
        self.book: Book | None = None
        self.position = NOWHERE
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
        index = self.ring.index_after(Position(hashed.epoch, hashed.seq))
        if index is None or hashed.view is None:
            return
        view = hashed.view
        try:
            book = empty_book(hashed.symbol, view.depth, view.precision)
            bids, asks = _pairs.decode(view.bids), _pairs.decode(view.asks)
            book.replace(book.levels(bids), book.levels(asks))
            book.verify(view.checksum)
        except NO_BOOK as error:
            self._say("what lies in redis is no book", error)
            return
        self._change_rendered()
        self.book, self._next = book, index
        self.status, self.reason = hashed.status, None
        self.position, self.event_id = Position(hashed.epoch, hashed.seq), hashed.event_id
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
        except NO_BOOK as error:
            self._say("events do not make a book", error)
            self._lose("unknown")
        if frames:
            self._change_rendered()

    @property
    def next(self) -> int:
        """The index, in the ring, of the first event that is not in the book yet."""
        return self._next

    def rendered(self, levels: int | None) -> Rendered:
        """Return the book as it is, cut to so many levels (None: all), as a snapshot."""
        found = self._rendered.get(levels)
        if found is None:
            if len(self._rendered) >= MOST_RENDERED:
                self._change_rendered()
            found = self._rendered[levels] = self._render(levels)
            self._share.add(len(found.head))
        return found

    def close(self) -> None:
        """Give back what it has of the buffer; nobody shows it any more."""
        self._share.close()

    def _render(self, levels: int | None) -> Rendered:
        assert self.book is not None, f"the book of {self.ring.symbol} is not known"
        shown = show(self.book, levels)
        view = view_of(self.book, self._source, self._checksum, self._exchange_time)
        view = msgspec.structs.replace(view, bids=shown.bids, asks=shown.asks)
        epoch, seq = self.position.epoch, self.position.seq
        data = render_snapshot(view, seq, epoch, self._received_at, None, is_cut=not shown.proves)
        # The texts themselves would be kept for every view that has shown them.
        return Rendered(data.removesuffix(_CONFLATED_LAST), hash(shown))

    def _forget_rendered(self, _size: int) -> int:
        size = sum(len(each.head) for each in self._rendered.values())
        self._rendered.clear()
        return size

    def _change_rendered(self) -> None:
        if self._rendered:
            self._share.add(-self._forget_rendered(0))

    def _say(self, what: str, error: Exception) -> None:
        said = f"{what}: {error}"
        if said != self._said:
            self._said = said
            log.error(what, symbol=self.ring.symbol, error=str(error))

    def _lose(self, reason: LaggedReason) -> None:
        self.book, self.lost_for = None, reason

    def _take(self, frame: Frame) -> None:
        if not is_numbered(frame):
            return
        self.position, self.event_id = frame.position, frame.id
        event = decode_event(data_of(frame))
        if event.symbol != self.ring.symbol:
            raise ValueError(f"an event of {event.symbol!r} lies in this stream")
        if isinstance(event, Snapshot):
            precision = Precision(event.price_precision, event.qty_precision)
            self.book = empty_book(event.symbol, event.depth, precision)
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


def empty_book(symbol: str, depth: int, precision: Precision) -> Book:
    """Return an empty book; raises ValueError if no book has this depth and precision."""
    if depth not in DEPTHS or not all(0 <= decimals < MAX_TEXT for decimals in precision):
        raise ValueError(f"no book has a depth of {depth} and {precision}")
    return Book(symbol, depth, precision)


def is_numbered(frame: Frame) -> bool:
    """Whether it is an event of the stream, and not the api's own."""
    return frame.sse.startswith(b"id: ")


def data_of(frame: Frame) -> bytes:
    """The JSON in a frame."""
    return frame.sse[frame.sse.index(b"data: ") + 6 :].rstrip()
