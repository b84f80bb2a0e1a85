"""Writes one symbol: one call of the write script at a time, repeated to the letter until answered.

It makes the calls; `NodeWriter` sends them and reports what became of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

from collector.feed.books import SymbolBook
from collector.metrics import CONFLATED
from collector.publish.event_queue import EventQueue, QueueLimit, event_status
from collector.publish.redis_clock import RedisClock
from collector.publish.tuning import Tuning
from kraken_book.backoff import Backoff
from kraken_book.contract.book_hash import book_values, status_values
from kraken_book.contract.write import (
    EventEntry,
    Retention,
    WriteCall,
    WriteRefusal,
    renew_book,
    touch_book,
    write_events,
)

# A symbol that Redis refuses is tried again after 0.25 to 0.5 s, and at last every 2 to 4 s.
MIN_HOLD, MAX_HOLD = 0.25, 4.0
# A refusal says where the stream stands; if a write from there is refused, something else is wrong.
MAX_REFUSALS_AT_ONCE = 2
# A book of this many levels a side is ten times the size of an update, and more.
GREAT_DEPTH = 100
# The interval at which such a book is written to its hash; its events are written as they come.
GREAT_BOOK_INTERVAL = 0.25
# A quiet book is written whole again this often, in case somebody has changed the hash.
REWRITE_INTERVAL = 10.0


class Home(Protocol):
    """The writer of the node that has a symbol's keys."""

    def schedule(self, writer: SymbolWriter) -> None:
        """Have the symbol's next call sent."""

    def remove(self, symbol: str) -> None:
        """Stop writing this symbol."""


class SymbolWriter:
    """One symbol's events, and the calls that bring them to Redis in their order.

    Args:
        book: The book that is published.
        home: The writer of the node that has its keys; `home` changes when these move.
        limit: How many events may wait.
        retention: How much of the stream Redis keeps.
        tuning: How often the age of a quiet book is renewed.
        clock: A steady clock in seconds.
    """

    def __init__(
        self,
        book: SymbolBook,
        home: Home,
        limit: QueueLimit,
        retention: Retention,
        tuning: Tuning,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.symbol = book.symbol
        self.queue = EventQueue(book, limit, self._schedule)
        self.home = home
        self._retention = retention
        self._tuning = tuning
        self._clock = clock
        self._backoff = Backoff(MIN_HOLD, MAX_HOLD)
        self._held_until = 0.0
        self._refusals = 0
        # The call with events that Redis has not answered.
        self._open: WriteCall | None = None
        # The epoch to write under once all events of the one before have left.
        self._next_epoch: int | None = None
        self._called_at = 0.0
        # The last event that the book in the hash has, and when the book was written.
        self._book_seq = 0
        self._book_written_at = float("-inf")

    @property
    def is_idle(self) -> bool:
        """Whether Redis has all of it, under the newest epoch."""
        return self._open is None and not self.queue.waiting and self._next_epoch is None

    @property
    def unwritten(self) -> int:
        """How many events Redis is not known to have yet."""
        return self.queue.waiting + (self._open.entries if self._open is not None else 0)

    @property
    def owes_book(self) -> bool:
        """Whether the events in Redis have gone on from the book that is there."""
        queue = self.queue
        return queue.book.live and queue.epoch is not None and self._book_seq < queue.taken_seq

    @property
    def is_held_back(self) -> bool:
        """Whether Redis refused it lately, for a reason that does not pass in a moment."""
        return self._clock() < self._held_until

    def lead(self, epoch: int, after_seq: int = 0) -> None:
        """Write under `epoch`, above `after_seq`, beginning with what is known now.

        What waits of an earlier epoch of ours is still written under that one: unless somebody else
        has led in between, nothing is lost.
        """
        if self.is_idle:
            self.queue.open(epoch, after_seq)
        else:
            self._next_epoch = epoch

    def resign(self) -> None:
        """Drop what waits: another collector leads, and publishes what it knows itself."""
        self._open = self._next_epoch = None
        self.queue.close()

    def next_call(self, redis_clock: RedisClock, *, is_round: bool) -> WriteCall | None:
        """Return the call that is to be sent now, if there is one.

        That is the call that Redis has not answered, to the letter; else the events that wait; else
        the book, if the events in Redis have gone on from it.

        Args:
            redis_clock: Tells by Redis's clock when the book was confirmed.
            is_round: Whether the age of a quiet book is renewed.
        """
        if self.is_held_back:
            return None
        if self._open is None:
            self._open = self._events_call(redis_clock)
            if self._next_epoch is not None:
                self._enter_next_epoch()
        if self._open is not None or self.queue.waiting:
            return self._open
        if self.owes_book:
            return self._book_call(redis_clock) if self._is_book_due() else None
        return self._touch_call(redis_clock) if is_round else None

    def _events_call(self, redis_clock: RedisClock) -> WriteCall | None:
        batch = self.queue.take()
        if batch is None:
            return None
        CONFLATED.inc(batch.conflated)
        self._called_at = self._clock()
        book = self.queue.book
        is_book = book.live and not self.queue.waiting and self._is_book_due(batch.entries)
        if is_book:
            self._note_book()
            values = book_values(book.view(), "live")
        else:
            values = status_values(book.symbol, event_status(book), book.source, book.depth)
        return write_events(
            book.symbol,
            batch.epoch,
            redis_clock.text(book.confirmed_at),
            self._retention,
            batch.entries,
            values,
            is_book=is_book,
            since=batch.since,
        )

    def _book_call(self, redis_clock: RedisClock) -> WriteCall:
        """Return the call that brings the book up to the events that are in Redis."""
        queue, book = self.queue, self.queue.book
        assert queue.epoch is not None
        self._note_book()
        return renew_book(
            book.symbol,
            queue.epoch,
            redis_clock.text(book.confirmed_at),
            self._retention,
            queue.taken_seq,
            book_values(book.view(), "live"),
        )

    def _touch_call(self, redis_clock: RedisClock) -> WriteCall | None:
        """Return the call that renews the age of a quiet live book that is in Redis as it is here.

        A book whose connection is down is not touched.
        """
        queue, book = self.queue, self.queue.book
        now = self._clock()
        if now - self._called_at < self._tuning.touch_interval:
            return None
        self._called_at = now
        if not book.live or book.link.last_frame_at is None:
            return None
        if queue.epoch is None or not queue.taken_seq:
            return None
        if now - self._book_written_at >= REWRITE_INTERVAL:
            return self._book_call(redis_clock)
        confirmed_at = redis_clock.text(book.confirmed_at)
        return touch_book(book.symbol, queue.epoch, confirmed_at, self._retention, queue.taken_seq)

    def awaits(self, call: WriteCall) -> bool:
        """Return whether what became of `call` still matters: nobody else has led since."""
        return call is self._open if call.entries else call.epoch == self.queue.epoch

    def done(self, call: WriteCall) -> None:
        """Note that Redis has carried out `call`."""
        self._backoff.reset()
        self._refusals = 0
        if call is self._open:
            self._open = None
            if self._next_epoch is not None:
                self._enter_next_epoch()

    def failed(self, call: WriteCall) -> None:
        """Note that Redis has not carried out `call`, whose events are to be sent again."""
        if not call.entries:
            # It is made anew when it is due.
            self._book_seq = 0

    def refused(self, place: WriteRefusal) -> None:
        """Go on from `place`, where the stream in Redis stands, with what is known now."""
        self._open = None
        self.queue.restart_at(place)
        self._refusals += 1
        if self._refusals > MAX_REFUSALS_AT_ONCE:
            self.hold_back()

    def hold_back(self) -> None:
        """Send nothing for a while, longer each time."""
        self._held_until = self._clock() + self._backoff.next()

    def stop_holding_back(self) -> None:
        """Send what waits at once."""
        self._held_until = 0.0

    def _enter_next_epoch(self) -> None:
        """Go on under the newer epoch, once all events of the one before have left."""
        if self._next_epoch is not None and not self.queue.waiting:
            epoch, self._next_epoch = self._next_epoch, None
            self.queue.open(epoch)

    def _is_book_due(self, entries: Sequence[EventEntry] = ()) -> bool:
        if self.queue.book.depth < GREAT_DEPTH or any(
            entry.kind == "snapshot" for entry in entries
        ):
            return True
        return self._clock() - self._book_written_at >= GREAT_BOOK_INTERVAL

    def _note_book(self) -> None:
        self._book_seq = self.queue.taken_seq
        self._book_written_at = self._clock()

    def _schedule(self) -> None:
        self.home.schedule(self)
