"""The writer of one symbol: makes one call of the write script at a time.

A call is repeated unchanged until Redis answers it. `NodeWriter` sends the calls, and reports the
result of each.
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
    EventRun,
    Retention,
    WriteCall,
    WriteRefusal,
    renew_book,
    touch_book,
    write_runs,
)

# Seconds for which a symbol is held back: 0.25 to 0.5 at first, 2 to 4 in the end.
MIN_HOLD, MAX_HOLD = 0.25, 4.0
# A refusal contains the position of the stream's last event, and the next call continues there. If
# that is refused again and again, there is another fault, and the symbol is held back.
MAX_REFUSALS_AT_ONCE = 2
# A book with this many levels of each side is much larger than an update.
GREAT_DEPTH = 100
# The interval at which a book of that size is written to its hash. Its events are written at once.
GREAT_BOOK_INTERVAL = 0.25
# The interval at which a quiet book is written again, in case another program changed the hash.
REWRITE_INTERVAL = 10.0


class Home(Protocol):
    """The writer of the node that has a symbol's keys."""

    def schedule(self, writer: SymbolWriter) -> None:
        """Send the symbol's next call with the next flush."""

    def remove(self, symbol: str) -> None:
        """Stop writing this symbol."""


class SymbolWriter:
    """One symbol's events, and the calls that write them to Redis in order.

    Args:
        book: The book that is published.
        home: The writer of the node that has the symbol's keys; `home` changes if the keys move.
        limit: The most events that may wait.
        retention: Limits of the stream in Redis.
        tuning: The interval at which the age of a quiet book is renewed.
        clock: Returns steady seconds.
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
        self.symbol = book.name
        self.queue = EventQueue(book, limit, self._schedule)
        self.home = home
        self._retention = retention
        self._tuning = tuning
        self._clock = clock
        self._backoff = Backoff(MIN_HOLD, MAX_HOLD)
        self._held_until = 0.0
        self._refusals = 0
        # The call with events that Redis has not answered; it is repeated unchanged.
        self._unanswered: WriteCall | None = None
        # The epoch to write under when all events of the previous epoch have left the queue.
        self._next_epoch: int | None = None
        self._called_at = 0.0
        # The seq of the book in the hash, and the time of its writing.
        self._book_seq = 0
        self._book_written_at = float("-inf")

    @property
    def is_idle(self) -> bool:
        """Whether all events are written, and no other epoch is to begin."""
        return self._unanswered is None and not self.queue.waiting and self._next_epoch is None

    @property
    def unwritten(self) -> int:
        """Number of events that Redis has not acknowledged."""
        return self.queue.waiting + (
            self._unanswered.entries if self._unanswered is not None else 0
        )

    @property
    def owes_book(self) -> bool:
        """Whether the book in Redis is older than the events there."""
        queue = self.queue
        return queue.book.is_live and queue.epoch is not None and self._book_seq < queue.taken_seq

    @property
    def is_held_back(self) -> bool:
        """Whether calls are delayed, because Redis refused one for a lasting reason."""
        return self._clock() < self._held_until

    def lead(self, epoch: int, after_seq: int = 0) -> None:
        """Start to write under `epoch`, with seqs above `after_seq`.

        The first event is the current book or status. Events that still wait from our previous
        epoch are written under that epoch first. So none is lost if no other collector has led in
        between.
        """
        if self.is_idle:
            self.queue.open(epoch, after_seq)
        else:
            self._next_epoch = epoch

    def resign(self) -> None:
        """Drop the events that wait, because this collector does not lead any more."""
        self._unanswered = self._next_epoch = None
        self.queue.close()

    def next_call(self, redis_clock: RedisClock, *, is_round: bool) -> WriteCall | None:
        """Return the call to send now, or None.

        It is the first of these: the call that Redis has not answered; the events that wait; the
        book, if the one in Redis is older than the events there; in a round, a renewal of its age.

        Args:
            redis_clock: Converts the time of the book's confirmation.
            is_round: Whether the flush is a round, which visits all symbols and may renew ages.
        """
        if self.is_held_back:
            return None
        if self._unanswered is None:
            self._unanswered = self._events_call(redis_clock)
            if self._next_epoch is not None:
                self._enter_next_epoch()
        if self._unanswered is not None or self.queue.waiting:
            # Without a call, the events are of an epoch that just began. The next flush has them.
            return self._unanswered
        if self.owes_book:
            return self._book_call(redis_clock) if self._is_book_due() else None
        return self._touch_call(redis_clock) if is_round else None

    def _events_call(self, redis_clock: RedisClock) -> WriteCall | None:
        batch = self.queue.take_batch()
        if batch is None:
            return None
        CONFLATED.inc(batch.conflated)
        self._called_at = self._clock()
        book = self.queue.book
        is_book = book.is_live and not self.queue.waiting and self._is_book_due(batch.runs)
        if is_book:
            self._note_book()
            values = book_values(book.view(), "live")
        else:
            status = event_status(book)
            values = status_values(self.symbol, status, book.source, book.depth, book.proof)
        return write_runs(
            self.symbol,
            batch.epoch,
            redis_clock.text(book.confirmed_at),
            self._retention,
            batch.runs,
            values,
            is_book=is_book,
            since=batch.since,
        )

    def _book_call(self, redis_clock: RedisClock) -> WriteCall:
        """Return the call that writes the book as of the last event in Redis."""
        queue, book = self.queue, self.queue.book
        assert queue.epoch is not None
        self._note_book()
        return renew_book(
            self.symbol,
            queue.epoch,
            redis_clock.text(book.confirmed_at),
            self._retention,
            queue.taken_seq,
            book_values(book.view(), "live"),
        )

    def _touch_call(self, redis_clock: RedisClock) -> WriteCall | None:
        """Return the call that renews the age of a quiet live book, or writes it again, if due.

        The age is not renewed while the book's connection is down.
        """
        queue, book = self.queue, self.queue.book
        now = self._clock()
        if now - self._called_at < self._tuning.touch_interval:
            return None
        self._called_at = now
        if not book.is_live or book.link.last_frame_at is None:
            return None
        if queue.epoch is None or not queue.taken_seq:
            return None
        if now - self._book_written_at >= REWRITE_INTERVAL:
            return self._book_call(redis_clock)
        confirmed_at = redis_clock.text(book.confirmed_at)
        return touch_book(self.symbol, queue.epoch, confirmed_at, self._retention, queue.taken_seq)

    def awaits(self, call: WriteCall) -> bool:
        """Return whether `call` is still current, so that its result counts."""
        return call is self._unanswered if call.entries else call.epoch == self.queue.epoch

    def done(self, call: WriteCall) -> None:
        """Handle a call that Redis has carried out."""
        self._backoff.reset()
        self._refusals = 0
        if call is self._unanswered:
            self._unanswered = None
            if self._next_epoch is not None:
                self._enter_next_epoch()

    def failed(self, call: WriteCall) -> None:
        """Handle a call that Redis has not carried out; its events will be sent again."""
        if not call.entries:
            # Makes `owes_book` true, so that the book is written again.
            self._book_seq = 0

    def refused(self, refusal: WriteRefusal) -> None:
        """Handle a refused call: continue after the stream's last event, as the refusal has it."""
        self._unanswered = None
        self.queue.restart_at(refusal)
        self._refusals += 1
        if self._refusals > MAX_REFUSALS_AT_ONCE:
            self.hold_back()

    def hold_back(self) -> None:
        """Delay all calls, longer each time."""
        self._held_until = self._clock() + self._backoff.next()

    def stop_holding_back(self) -> None:
        """End the delay of calls."""
        self._held_until = 0.0

    def _enter_next_epoch(self) -> None:
        """Start the next epoch, if all events of the previous one have left the queue."""
        if self._next_epoch is not None and not self.queue.waiting:
            epoch, self._next_epoch = self._next_epoch, None
            self.queue.open(epoch)

    def _is_book_due(self, runs: Sequence[EventRun] = ()) -> bool:
        if self.queue.book.depth < GREAT_DEPTH or any(run.kind == "snapshot" for run in runs):
            return True
        return self._clock() - self._book_written_at >= GREAT_BOOK_INTERVAL

    def _note_book(self) -> None:
        """Record that a call with the current book is made."""
        self._book_seq = self.queue.taken_seq
        self._book_written_at = self._clock()

    def _schedule(self) -> None:
        self.home.schedule(self)
