"""A bounded queue of the numbered events of one book, which wait to be written.

An event gets its seq when it enters the queue, and keeps it. If too many events wait, one snapshot
replaces all of them and has their number as `conflated`. The queue does no I/O.

Updates enter the queue's outbox. In the compiled path, `take` adds most of them there, as long as
the outbox has room; the others come by `on_update`, as all do in the pure path. An event of another
kind closes the run of updates before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import NamedTuple

from collector.feed.books import SymbolBook
from collector.feed.timestamp import timestamp_now
from kraken_book.contract.write import EventRun, WriteRefusal
from kraken_book.event import (
    Kind,
    Status,
    StatusChange,
    render_snapshot,
    render_status,
    render_update,
)
from kraken_book.level import Level
from kraken_book.timestamps import rfc3339

# Each symbol may have this many: half a megabyte, or ten seconds of the busiest symbol.
MAX_EVENTS = 512
# If there are few symbols, they share this limit, so that each may have more; about 60 MB.
MAX_EVENTS_TOGETHER = 100_000
# While a queue is half full or more, `take` may add this part of the limit between two updates that
# come by `on_update`.
PARTS_OF_LIMIT = 256
# The limit of one call of the write script. Redis does nothing else during a call.
MAX_BATCH_EVENTS = 1000


class QueueLimit:
    """The most events that may wait for each symbol; all queues share one limit.

    Args:
        each: The least that each symbol may have.
        together: If there are few symbols, they share this number.

    Attributes:
        max_events: The limit of each symbol, which is `each` until the number of symbols is known.
    """

    def __init__(self, each: int = MAX_EVENTS, together: int = MAX_EVENTS_TOGETHER) -> None:
        self._each = each
        self._together = together
        self.max_events = each

    def share_among(self, symbols: int) -> bool:
        """Divide the common number among the symbols, unless each would get less than its own.

        Returns:
            Whether the limit of each symbol has changed; then its queue must grant room again.
        """
        before = self.max_events
        self.max_events = max(self._each, self._together // max(1, symbols))
        return self.max_events != before


class EventBatch(NamedTuple):
    """The events of one call of the write script.

    Attributes:
        epoch: The epoch of the events.
        runs: The events, in order; at least one.
        since: Steady nanoseconds at which the first event's frame was read, or the event was made.
        conflated: Number of events that a snapshot in the batch replaces.
    """

    epoch: int
    runs: list[EventRun]
    since: int
    conflated: int


class EventQueue:
    """The events between one symbol's book and Redis; the `BookListener` of that book.

    The queue is closed, and keeps nothing, until it is opened under an epoch.

    Args:
        book: The book of the events.
        limit: The most events that may wait.
        on_waiting: Called when the first event waits, and for each new event while the queue is
            half full or more.

    Attributes:
        book: The book of the events; `carry` replaces it.
        taken_seq: The seq of the last event that was taken; every newer event waits.
    """

    def __init__(self, book: SymbolBook, limit: QueueLimit, on_waiting: Callable[[], None]) -> None:
        self.book = book
        self.taken_seq = 0
        self._limit = limit
        self._on_waiting = on_waiting
        # Closed runs; the outbox has the updates after them.
        self._runs: list[EventRun] = []
        self._in_runs = 0
        self._outbox = book.path.outbox(self._note_first_update)
        self._waiting_since = 0
        # Number of events that the waiting snapshot replaces.
        self._conflated = 0
        # The seq of the last snapshot that replaced an unknown number of updates.
        self._unknown_seq = 0
        # The last status among this epoch's events; None if there is none, or it was dropped.
        self._sent_status: str | None = None
        self._sent_reason: str | None = None
        self._listen(book)

    @property
    def epoch(self) -> int | None:
        """The epoch of new events; None while the queue is closed."""
        return self._outbox.epoch

    @property
    def seq(self) -> int:
        """The seq of the newest event."""
        return self._outbox.seq

    @property
    def waiting(self) -> int:
        """Number of events that wait."""
        return self._in_runs + len(self._outbox.updates)

    @property
    def is_filling(self) -> bool:
        """Whether half of the limit waits, or more."""
        return self.waiting >= self._limit.max_events // 2

    def carry(self, book: SymbolBook) -> None:
        """Listen to `book` instead of the previous one of the same symbol."""
        self.book.listener = self.book.lane.outbox = None
        self._listen(book)

    def open(self, epoch: int, after_seq: int = 0) -> None:
        """Start an epoch with the current book or status, and seqs above `after_seq`."""
        outbox = self._outbox
        outbox.seq = max(outbox.seq, after_seq)
        outbox.epoch = epoch
        # The last event that readers have is unknown: a failover of Redis may have caused the new
        # epoch, and lost events that were acknowledged.
        self._restart(None)

    def close(self) -> None:
        """Drop the events that wait, and keep none until the queue is opened again."""
        self._outbox.epoch = None
        self._clear()

    def restart_at(self, refusal: WriteRefusal) -> None:
        """Continue after the stream's last event, with the current book or status.

        Args:
            refusal: A refusal of the write script. It contains the position of that event.
        """
        if self.epoch is None:
            return
        is_same_epoch = refusal.epoch == self.epoch
        self._outbox.seq = max(self.seq, refusal.seq)
        if self.book.is_live or not is_same_epoch:
            self._restart(refusal.seq if is_same_epoch else None)
        else:
            # Within an epoch only a snapshot may follow a gap, and there is no book to make one.
            # Until there is, the book in the hash is `syncing` or becomes stale.
            self._drop_waiting()

    def take_batch(self) -> EventBatch | None:
        """Remove and return the events of the next call; None if no event waits."""
        epoch = self.epoch
        if not self.waiting or epoch is None:
            return None
        self._close_run(self.seq)
        runs, self._runs = _split(self._runs, MAX_BATCH_EVENTS)
        self._in_runs = sum(len(run.data) for run in self._runs)
        self._outbox.is_waiting = bool(self._runs)
        self.grant_room()
        self.taken_seq = runs[-1].last_seq
        conflated, self._conflated = self._conflated, 0
        return EventBatch(epoch, runs, self._waiting_since, conflated)

    def grant_room(self) -> None:
        """Let `take` add updates until the next one makes the queue half full.

        From then on, `on_update` calls `on_waiting`, and grants a little room each time.
        """
        self._outbox.room = max(0, self._limit.max_events // 2 - 1 - self.waiting)

    def on_update(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Add an update; if the queue is full, add a snapshot of the updated book instead."""
        outbox, book = self._outbox, self.book
        epoch = outbox.epoch
        if epoch is None:
            return
        assert book.book is not None
        outbox.seq = seq = outbox.seq + 1
        max_events, waiting = self._limit.max_events, self._in_runs + len(outbox.updates)
        if waiting >= max_events:
            self._add_snapshot_after(self.taken_seq)
            self._add_status()
            return
        lane = book.lane
        data = render_update(
            book.book,
            seq,
            epoch,
            bids,
            asks,
            lane.checksum,
            lane.exchange_time,
            rfc3339(lane.read_at.unix),
        )
        outbox.updates.append(data)
        outbox.room -= 1
        if not outbox.is_waiting:
            outbox.is_waiting = True
            self._note_first_update()
        elif waiting + 1 >= max_events // 2:
            self._on_waiting()
            # Most updates of a full flood would come here one by one otherwise.
            outbox.room = min(max_events // PARTS_OF_LIMIT, max_events - waiting - 1)

    def on_snapshot(self) -> None:
        """Add a snapshot, which replaces an unknown number of updates."""
        if self.epoch is None:
            return
        if self._is_full:
            self._drop_waiting()
        self._add_snapshot(None)
        self._add_status()

    def on_status(self) -> None:
        """Add the status, unless it was sent before."""
        if self.epoch is not None:
            self._add_status()

    def _restart(self, known_seq: int | None) -> None:
        """Replace all events after `known_seq`, None if unknown, by the current book or status."""
        if self.book.is_live:
            self._add_snapshot_after(known_seq)
        else:
            self._drop_waiting()
        self._add_status()

    def _drop_waiting(self) -> None:
        # The dropped events may contain the last status, so it must be sent again.
        self._clear()
        self._conflated = 0
        self._sent_status = None

    def _add_snapshot_after(self, known_seq: int | None) -> None:
        """Replace all events after `known_seq` by a snapshot; None if that seq is unknown."""
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
        self._add("snapshot", seq, data)

    def _add_status(self) -> None:
        assert self.epoch is not None
        book = self.book
        status = event_status(book)
        if (status, book.reason) == (self._sent_status, self._sent_reason):
            return
        if status == self._sent_status and self._is_full:
            # Only the reason is new. A reason that changes again and again must not fill the queue.
            return
        self._sent_status, self._sent_reason = status, book.reason
        seq = self._next_seq()
        now = rfc3339(timestamp_now().unix)
        change = StatusChange(book.name, seq, self.epoch, status, book.reason, now)
        self._add("status", seq, render_status(change))

    @property
    def _is_full(self) -> bool:
        return self.waiting >= self._limit.max_events

    def _next_seq(self) -> int:
        self._outbox.seq = seq = self._outbox.seq + 1
        return seq

    def _add(self, kind: Kind, seq: int, data: bytes) -> None:
        """Add an event that is no update."""
        self._close_run(seq - 1)
        self._runs.append(EventRun(kind, seq, [data]))
        self._in_runs += 1
        self.grant_room()
        if not self._outbox.is_waiting:
            self._outbox.is_waiting = True
            # It may be made long after the book's newest frame was read.
            self._waiting_since = monotonic_ns()
            self._on_waiting()
        elif self.is_filling:
            self._on_waiting()

    def _note_first_update(self) -> None:
        self._waiting_since = self.book.read_at.steady
        self._on_waiting()

    def _listen(self, book: SymbolBook) -> None:
        self.book = book
        book.listener, book.lane.outbox = self, self._outbox

    def _close_run(self, last_seq: int) -> None:
        """Make a run of the updates in the outbox, of which the last has `last_seq`."""
        updates = self._outbox.updates
        if updates:
            self._runs.append(EventRun("update", last_seq - len(updates) + 1, updates))
            self._in_runs += len(updates)
            self._outbox.updates = []

    def _clear(self) -> None:
        """Drop the events that wait."""
        self._runs.clear()
        self._in_runs = 0
        self._outbox.updates = []
        self._outbox.is_waiting = False
        self.grant_room()


def _split(runs: Sequence[EventRun], events: int) -> tuple[list[EventRun], list[EventRun]]:
    """Return the runs of the first `events` events, and the others."""
    for index, run in enumerate(runs):
        if len(run.data) >= events:
            kept = EventRun(run.kind, run.seq, run.data[:events])
            rest = EventRun(run.kind, run.seq + events, run.data[events:])
            return [*runs[:index], kept], [*([rest] if rest.data else []), *runs[index + 1 :]]
        events -= len(run.data)
    return list(runs), []


def event_status(book: SymbolBook) -> Status:
    """Return the status of a book in events: `asked` and `refused` books are `syncing`."""
    return "live" if book.is_live else "syncing"
