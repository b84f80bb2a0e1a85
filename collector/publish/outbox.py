"""What of one book waits to be written: its events, numbered, at most so many.

Pure. Events get their number when they come in, and keep it whatever happens; where too many wait,
one snapshot takes the place of all of them, and says how many numbers it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic, monotonic_ns

from collector.feed.books import SymbolBook
from collector.feed.timestamp import timestamp_now
from collector.metrics import CONFLATED
from kraken_book.contract.book_hash import book_values, status_values
from kraken_book.contract.write import (
    Entry,
    Retention,
    WriteCall,
    WriteRefusal,
    renew_book,
    touch_book,
    write_events,
)
from kraken_book.event import Status, StatusChange, render_snapshot, render_status, render_update
from kraken_book.level import Level
from kraken_book.timestamps import rfc3339

# Half a megabyte a symbol, and ten seconds of the busiest one: whatever the number of symbols.
MOST_WAITING = 512
# A book of so many levels a side is ten times the size of an update, and more.
GREAT_DEPTH = 100
# So often it is written to its hash at most; its events are written as they come.
GREAT_BOOK_SECONDS = 0.25
# A quiet book is written whole again so often, should somebody have changed what is there.
REWRITE_SECONDS = 10.0
# Of all symbols together, where few have the room of many; about 60 MB.
MOST_WAITING_TOGETHER = 100_000
# As many events go in one call; Redis does nothing else while it writes them.
CALL_EVENTS = 1000


class Room:
    """How many events may wait for each of so many symbols, in `most_waiting`."""

    def __init__(self, symbols: int = MOST_WAITING_TOGETHER) -> None:
        self.most_waiting = MOST_WAITING
        self.share_among(symbols)

    def share_among(self, symbols: int) -> None:
        """There are so many symbols now."""
        self.most_waiting = max(MOST_WAITING, MOST_WAITING_TOGETHER // max(1, symbols))


class Outbox:
    """One symbol's events between its book and Redis; a `BookListener` of that book.

    Closed until it is told the epoch to publish under. `on_waiting` is called when the first event
    comes to wait, and for each while half of `room` is taken; where more wait than it has place
    for, one snapshot stands for all.
    """

    def __init__(
        self,
        book: SymbolBook,
        on_waiting: Callable[[Outbox], None],
        room: Room,
    ) -> None:
        self.book = book
        self._room = room
        self._on_waiting = on_waiting
        self._epoch: int | None = None
        self._seq = 0
        self._waiting: list[Entry] = []
        # When the oldest of these was read or came up, by the steady clock.
        self._waiting_since = 0
        # The last event that left here; all that is newer waits.
        self._taken_seq = 0
        # What the waiting snapshot stands for.
        self._conflated = 0
        # The last snapshot before which nobody can know how many updates were.
        self._unknown_seq = 0
        # None where readers cannot know the status from this epoch's events.
        self._told_status: str | None = None
        self._told_reason: str | None = None
        # Where the book stands that the hash was given last, and when that was.
        self._book_seq = 0
        self._book_written_at = float("-inf")

    @property
    def owes_book(self) -> bool:
        """Whether the events in Redis have gone on from the book that is there."""
        return self.book.live and self._epoch is not None and self._book_seq < self._taken_seq

    @property
    def epoch(self) -> int | None:
        """The epoch of events that come now; None while closed."""
        return self._epoch

    @property
    def seq(self) -> int:
        """The number of its last event."""
        return self._seq

    def carry(self, book: SymbolBook) -> None:
        """Hear of this book, and no more of another of the same symbol that it heard of before."""
        self.book.listener = None
        self.book = book
        book.listener = self

    @property
    def waiting(self) -> int:
        """How many events wait."""
        return len(self._waiting)

    @property
    def symbol(self) -> str:
        """The symbol of the book."""
        return self.book.symbol

    def open(self, epoch: int, after_seq: int = 0) -> None:
        """Publish under `epoch` from now on, above `after_seq`, first what is known now."""
        self._seq = max(self._seq, after_seq)
        self._epoch = epoch
        # Not even what Redis has acknowledged is sure to be there: a failover may have lost it, and
        # with it the lease, which is why there is a new epoch.
        self._begin(None)

    def close(self) -> None:
        """Another leads: number and keep nothing."""
        self._epoch = None
        self._waiting.clear()

    def on_update(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Number and render an update; past the bound, a snapshot of the book it led to."""
        if self._epoch is None:
            return
        book = self.book
        assert book.book is not None
        seq = self._next_seq()
        if self._is_full:
            self._add_snapshot_after(self._taken_seq)
            self._add_status()
            return
        data = render_update(
            book.book,
            seq,
            self._epoch,
            bids,
            asks,
            book.checksum,
            book.exchange_time,
            rfc3339(book.read_at.unix),
        )
        self._add(Entry("update", seq, data))

    def on_snapshot(self) -> None:
        """Number and render the whole book; how many updates lie before it nobody knows."""
        if self._epoch is None:
            return
        if self._is_full:
            self._give_up_waiting()
        self._add_snapshot(None)
        self._add_status()

    def on_status(self) -> None:
        """Number and render the status, where readers have not been told it."""
        if self._epoch is not None:
            self._add_status()

    def take(self, confirmed_at: str, retention: Retention) -> WriteCall | None:
        """The call that writes what waits, None where nothing does; it leaves the outbox.

        What is more than one call may carry goes on waiting; the book goes with the last, at great
        depth not with each.
        """
        if not self._waiting or self._epoch is None:
            return None
        entries, self._waiting = self._waiting[:CALL_EVENTS], self._waiting[CALL_EVENTS:]
        if self._waiting:
            self._on_waiting(self)
        self._taken_seq = entries[-1].seq
        CONFLATED.inc(self._conflated)
        self._conflated = 0
        book = self.book
        is_book = book.live and not self._waiting and self._is_book_due(entries)
        if is_book:
            self._note_book()
            values = book_values(book.view(), "live")
        else:
            values = status_values(book.symbol, _event_status(book), book.source, book.depth)
        return write_events(
            book.symbol,
            self._epoch,
            confirmed_at,
            retention,
            entries,
            values,
            is_book=is_book,
            since=self._waiting_since,
        )

    def touch(self, confirmed_at: str, retention: Retention) -> WriteCall | None:
        """The call that renews the age of a live book that is in Redis as it is here."""
        if not self.book.live or self._waiting or self._epoch is None or not self._taken_seq:
            return None
        if self.owes_book:
            return self.write_book(confirmed_at, retention)
        if monotonic() - self._book_written_at >= REWRITE_SECONDS:
            return self._renewal(confirmed_at, retention)
        return touch_book(self.book.symbol, self._epoch, confirmed_at, retention, self._taken_seq)

    def write_book(self, confirmed_at: str, retention: Retention) -> WriteCall | None:
        """The call that brings an owed book up to the events that are in Redis, where it is due."""
        if not self.owes_book or self._waiting or not self._is_book_due():
            return None
        return self._renewal(confirmed_at, retention)

    def _renewal(self, confirmed_at: str, retention: Retention) -> WriteCall:
        assert self._epoch is not None
        self._note_book()
        values = book_values(self.book.view(), "live")
        return renew_book(
            self.symbol, self._epoch, confirmed_at, retention, self._taken_seq, values
        )

    def book_not_written(self) -> None:
        """Redis did not carry out a call of `write_book`: the book is still owed."""
        self._book_seq = 0

    def _is_book_due(self, entries: Sequence[Entry] = ()) -> bool:
        if self.book.depth < GREAT_DEPTH or any(entry.kind == "snapshot" for entry in entries):
            return True
        return monotonic() - self._book_written_at >= GREAT_BOOK_SECONDS

    def _note_book(self) -> None:
        self._book_seq = self._taken_seq
        self._book_written_at = monotonic()

    def refused(self, place: WriteRefusal) -> None:
        """Redis stands elsewhere, at `place`: go on from there with what is known now."""
        if self._epoch is None:
            return
        same_epoch = place.epoch == self._epoch
        self._seq = max(self._seq, place.seq)
        if self.book.live or not same_epoch:
            self._begin(place.seq if same_epoch else None)
        else:
            # Within an epoch only a snapshot may jump; the next one will, and until then the
            # hash says syncing or grows old.
            self._give_up_waiting()

    def _begin(self, known_seq: int | None) -> None:
        if self.book.live:
            self._add_snapshot_after(known_seq)
        else:
            self._give_up_waiting()
        self._add_status()

    def _give_up_waiting(self) -> None:
        # With the events goes what they said of the status.
        self._waiting.clear()
        self._conflated = 0
        self._told_status = None

    def _add_snapshot_after(self, known_seq: int | None) -> None:
        """One snapshot for all that waits, and was lost, after `known_seq` (None: unknown)."""
        self._give_up_waiting()
        conflated = None
        if known_seq is not None and known_seq >= self._unknown_seq:
            conflated = self._seq - known_seq
            self._conflated = conflated
        self._add_snapshot(conflated)

    def _add_snapshot(self, conflated: int | None) -> None:
        assert self._epoch is not None
        seq = self._next_seq()
        if conflated is None:
            self._unknown_seq = seq
        received_at = rfc3339(self.book.read_at.unix)
        data = render_snapshot(self.book.view(), seq, self._epoch, received_at, conflated)
        self._add(Entry("snapshot", seq, data))

    def _add_status(self) -> None:
        assert self._epoch is not None
        status = _event_status(self.book)
        if (status, self.book.reason) == (self._told_status, self._told_reason):
            return
        if status == self._told_status and self._is_full:
            # Another reason for the same status; a book that never comes must not fill the box.
            return
        self._told_status, self._told_reason = status, self.book.reason
        seq = self._next_seq()
        change = StatusChange(
            self.symbol, seq, self._epoch, status, self.book.reason, rfc3339(timestamp_now().unix)
        )
        self._add(Entry("status", seq, render_status(change)))

    @property
    def is_filling(self) -> bool:
        """Whether half of its room is taken."""
        return len(self._waiting) >= self._room.most_waiting // 2

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= self._room.most_waiting

    def _next_seq(self) -> int:
        self._seq += 1
        return self._seq

    def _add(self, entry: Entry) -> None:
        self._waiting.append(entry)
        if len(self._waiting) == 1:
            # Only an update tells of a frame just now.
            is_update = entry.kind == "update"
            self._waiting_since = self.book.read_at.steady if is_update else monotonic_ns()
            self._on_waiting(self)
        elif self.is_filling:
            self._on_waiting(self)


def _event_status(book: SymbolBook) -> Status:
    # To a reader of the book, one that was asked for, or refused, is one that is not there.
    return "live" if book.live else "syncing"
