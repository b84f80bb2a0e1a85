"""Events of one book that wait to be written: numbered, and bounded.

Pure: a book's changes in, numbered events out. An event gets its number when it comes in and keeps
it. If too many wait, one snapshot replaces all of them and says how many numbers it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import NamedTuple

from collector.feed.books import SymbolBook
from collector.feed.timestamp import timestamp_now
from kraken_book.contract.write import EventEntry, WriteRefusal
from kraken_book.event import Status, StatusChange, render_snapshot, render_status, render_update
from kraken_book.level import Level
from kraken_book.timestamps import rfc3339

# Half a megabyte a symbol, and ten seconds of the busiest one, however many symbols there are.
MAX_EVENTS = 512
# Of all symbols together, if there are few of them; about 60 MB.
MAX_EVENTS_TOGETHER = 100_000
# Events in one call; Redis does nothing else while it writes them.
MAX_BATCH_EVENTS = 1000


class QueueLimit:
    """How many events may wait for each symbol; shared by the queues of all symbols."""

    def __init__(self, symbols: int = MAX_EVENTS_TOGETHER) -> None:
        self.max_events = MAX_EVENTS
        self.share_among(symbols)

    def share_among(self, symbols: int) -> None:
        """Divide what all may hold together among this number of symbols."""
        self.max_events = max(MAX_EVENTS, MAX_EVENTS_TOGETHER // max(1, symbols))


class EventBatch(NamedTuple):
    """Events that go in one call.

    `since` is when the oldest was read or came up, in nanoseconds of the steady clock; `conflated`
    is how many events a snapshot among them replaces.
    """

    epoch: int
    entries: list[EventEntry]
    since: int
    conflated: int


class EventQueue:
    """Events between one symbol's book and Redis; the `BookListener` of that book.

    It is closed, and keeps nothing, until it is opened under an epoch.

    Args:
        book: The book whose events these are.
        limit: How many may wait.
        on_waiting: Called when the first event waits, and for each while half of the limit waits.

    Attributes:
        book: As above; `carry` replaces it.
        epoch: The epoch of the events that come in; None while the queue is closed.
        seq: The number of the last event that came in.
        taken_seq: The number of the last event that was taken; every newer one waits.
    """

    def __init__(self, book: SymbolBook, limit: QueueLimit, on_waiting: Callable[[], None]) -> None:
        self.book = book
        self.epoch: int | None = None
        self.seq = 0
        self.taken_seq = 0
        self._limit = limit
        self._on_waiting = on_waiting
        self._waiting: list[EventEntry] = []
        self._waiting_since = 0
        # How many events the waiting snapshot replaces.
        self._conflated = 0
        # The last snapshot before which nobody can know how many updates there were.
        self._unknown_seq = 0
        # None if readers cannot know the status from this epoch's events.
        self._told_status: str | None = None
        self._told_reason: str | None = None
        book.listener = self

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return len(self._waiting)

    @property
    def is_filling(self) -> bool:
        """Whether half of the limit waits."""
        return len(self._waiting) >= self._limit.max_events // 2

    def carry(self, book: SymbolBook) -> None:
        """Listen to `book` instead of the previous one of the same symbol."""
        self.book.listener = None
        self.book = book
        book.listener = self

    def open(self, epoch: int, after_seq: int = 0) -> None:
        """Number events under `epoch`, above `after_seq`, beginning with what is known now."""
        self.seq = max(self.seq, after_seq)
        self.epoch = epoch
        # Even what Redis has acknowledged may be gone: a failover may have lost it together with
        # the lease, which is why there is a new epoch.
        self._restart(None)

    def close(self) -> None:
        """Drop what waits, and keep nothing until it is opened again."""
        self.epoch = None
        self._waiting.clear()

    def restart_at(self, place: WriteRefusal) -> None:
        """Go on from `place`, where the stream in Redis stands, with what is known now."""
        if self.epoch is None:
            return
        same_epoch = place.epoch == self.epoch
        self.seq = max(self.seq, place.seq)
        if self.book.live or not same_epoch:
            self._restart(place.seq if same_epoch else None)
        else:
            # Within an epoch only a snapshot may jump. The next one will; until then the hash says
            # syncing or grows old.
            self._drop_waiting()

    def take(self) -> EventBatch | None:
        """Remove and return the events of the next call; None if nothing waits."""
        if not self._waiting or self.epoch is None:
            return None
        entries = self._waiting[:MAX_BATCH_EVENTS]
        self._waiting = self._waiting[MAX_BATCH_EVENTS:]
        self.taken_seq = entries[-1].seq
        conflated, self._conflated = self._conflated, 0
        return EventBatch(self.epoch, entries, self._waiting_since, conflated)

    def on_update(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Add an update; if the queue is full, a snapshot of the book that it led to."""
        if self.epoch is None:
            return
        book = self.book
        assert book.book is not None
        seq = self._next_seq()
        if self._is_full:
            self._add_snapshot_after(self.taken_seq)
            self._add_status()
            return
        data = render_update(
            book.book,
            seq,
            self.epoch,
            bids,
            asks,
            book.checksum,
            book.exchange_time,
            rfc3339(book.read_at.unix),
        )
        self._add(EventEntry("update", seq, data))

    def on_snapshot(self) -> None:
        """Add a snapshot; nobody can know how many updates it stands for."""
        if self.epoch is None:
            return
        if self._is_full:
            self._drop_waiting()
        self._add_snapshot(None)
        self._add_status()

    def on_status(self) -> None:
        """Add the status, unless readers have been told it."""
        if self.epoch is not None:
            self._add_status()

    def _restart(self, known_seq: int | None) -> None:
        if self.book.live:
            self._add_snapshot_after(known_seq)
        else:
            self._drop_waiting()
        self._add_status()

    def _drop_waiting(self) -> None:
        # Readers will not be told the status that was among these.
        self._waiting.clear()
        self._conflated = 0
        self._told_status = None

    def _add_snapshot_after(self, known_seq: int | None) -> None:
        """Replace all that waits, or was lost, after `known_seq` by a snapshot; None: unknown."""
        self._drop_waiting()
        conflated = None
        if known_seq is not None and known_seq >= self._unknown_seq:
            conflated = self.seq - known_seq
            self._conflated = conflated
        self._add_snapshot(conflated)

    def _add_snapshot(self, conflated: int | None) -> None:
        assert self.epoch is not None
        seq = self._next_seq()
        if conflated is None:
            self._unknown_seq = seq
        received_at = rfc3339(self.book.read_at.unix)
        data = render_snapshot(self.book.view(), seq, self.epoch, received_at, conflated)
        self._add(EventEntry("snapshot", seq, data))

    def _add_status(self) -> None:
        assert self.epoch is not None
        book = self.book
        status = event_status(book)
        if (status, book.reason) == (self._told_status, self._told_reason):
            return
        if status == self._told_status and self._is_full:
            # Another reason for the same status; a book that never comes must not fill the queue.
            return
        self._told_status, self._told_reason = status, book.reason
        seq = self._next_seq()
        now = rfc3339(timestamp_now().unix)
        change = StatusChange(book.symbol, seq, self.epoch, status, book.reason, now)
        self._add(EventEntry("status", seq, render_status(change)))

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= self._limit.max_events

    def _next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def _add(self, entry: EventEntry) -> None:
        self._waiting.append(entry)
        if len(self._waiting) == 1:
            # Only an update comes of a frame that was just read.
            is_update = entry.kind == "update"
            self._waiting_since = self.book.read_at.steady if is_update else monotonic_ns()
            self._on_waiting()
        elif self.is_filling:
            self._on_waiting()


def event_status(book: SymbolBook) -> Status:
    """Return the book's status as readers are told it: `asked` and `refused` are `syncing`."""
    return "live" if book.live else "syncing"
