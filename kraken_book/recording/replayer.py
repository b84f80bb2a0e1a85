"""Replay a recording into Redis, so that the api serves its books like those of a collector."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from time import monotonic
from typing import NamedTuple

from kraken_book.contract.write import Retention, WriteCall, parse_refusal
from kraken_book.recording.raised_positions import epoch_shift
from kraken_book.recording.reader import BookFile, read_events
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.replay import ReplayPace, TimeRange
from kraken_book.recording.replay_target import SHARD, ReplayPatience, ReplayStopped, ReplayTarget
from kraken_book.recording.replayed_book import ReplayedBook
from kraken_book.symbols import venue_of

__all__ = ["KEPT", "ReplayPlan", "Replayer"]

KEPT = Retention(300_000, 20_000)
"""What stays in the streams, like that of a collector with the default settings."""
# Events are sent together for at most this time, in seconds.
FLUSH_INTERVAL = 0.01
MAX_WAITING_EVENTS = 512
# Seconds between two confirmations of all books, and between two renewals of the lease.
CONFIRM_INTERVAL = 1.0
# Books whose first snapshot was recorded within this time are written before the replay begins.
OPENING_MICROSECONDS = 5_000_000
MAX_REFUSALS = 3


class ReplayPlan(NamedTuple):
    """What to replay.

    Attributes:
        files: The files.
        span: The times.
        speed: The factor of the recorded pace; None is as fast as Redis takes the events.
        lead_in: Seconds between the first snapshots and the first update.
        is_loop: Whether to begin again at the end.
        retention: What stays in the streams.
    """

    files: Sequence[BookFile]
    span: TimeRange
    speed: float | None = 1.0
    lead_in: float = 2.0
    is_loop: bool = False
    retention: Retention = KEPT


class Replayer:
    """Writes the events of a recording into Redis, as the collector of all symbols.

    Args:
        plan: What to replay.
        target: The Redis, which is connected.
        patience: Waits between events.
        on_progress: Called often.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        plan: ReplayPlan,
        target: ReplayTarget,
        patience: ReplayPatience,
        on_progress: Callable[[Replayer], None] = lambda _: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._plan = plan
        self._target = target
        self._patience = patience
        self._on_progress = on_progress
        self._clock = clock
        self._files: dict[str, list[BookFile]] = defaultdict(list)
        for file in plan.files:
            self._files[file.metadata.symbol].append(file)
        self._books: dict[str, ReplayedBook] = {}
        self._due: dict[str, ReplayedBook] = {}
        self._waiting = 0
        self._flushed_at = self._confirmed_at = float("-inf")
        self._refusals: dict[str, int] = {}
        self.events = 0
        """The number of events that were written."""
        self.passes = 0
        """How often the recording was begun."""
        self.at = 0
        """The recorded time in Unix microseconds."""

    @property
    def books(self) -> int:
        """The number of books."""
        return len(self._files)

    def run(self) -> None:
        """Replay until the end, or until the program should end.

        If another program leads, or Redis refuses to be written, ReplayStopped is raised.
        """
        self._open_books()
        venues = dict.fromkeys(map(venue_of, self._files))
        self._target.acquire_lease(self._newest_epoch, venues)
        try:
            while not self._patience.is_over and (self._plan.is_loop or not self.passes):
                self._play()
            self._write_end()
        finally:
            self._target.release_lease()

    @property
    def _newest_epoch(self) -> int:
        return max((book.last.epoch for book in self._books.values() if book.last), default=0)

    def _open_books(self) -> None:
        ends = self._target.positions(list(self._files))
        for symbol, files in self._files.items():
            depth = files[0].metadata.depth
            self._books[symbol] = ReplayedBook(symbol, depth, SHARD, ends.get(symbol))

    def _play(self) -> None:
        """Play the recording once."""
        recorded_epochs = (file.metadata.first_epoch for file in self._plan.files)
        shift = epoch_shift(recorded_epochs, self._newest_epoch)
        for book in self._books.values():
            book.begin_pass(shift)
        events = self._opening()
        self._flush()
        self._confirm()
        self.passes += 1
        if self.passes == 1:
            self._wait(self._clock() + self._plan.lead_in)
        pace = ReplayPace(self._plan.speed, self._clock)
        for recorded in events:
            self._wait_until_due(pace, recorded)
            if self._patience.is_over:
                break
            self._add(recorded)
        self._flush()

    def _opening(self) -> Iterator[RecordedEvent]:
        """Add the first snapshot of each book; return the events after them, by time."""
        span, files = self._plan.span, self._plan.files
        begin = span.start or min(file.metadata.first_time for file in files)
        streams = [self._opened(symbol, begin) for symbol in self._files]
        return heapq.merge(*streams, key=lambda recorded: recorded.recorded_at)

    def _opened(self, symbol: str, begin: int) -> Iterator[RecordedEvent]:
        book = self._books[symbol]
        events = read_events(self._files[symbol], self._plan.span.end)
        at = begin
        for recorded in events:
            is_later = recorded.recorded_at > begin + OPENING_MICROSECONDS
            if recorded.recorded_at >= begin and (book.is_verified or is_later):
                events = chain([recorded], events)
                break
            book.advance(recorded)
            at = recorded.recorded_at
        book.add_snapshot(at)
        self._note_waiting(book)
        return events

    def _add(self, recorded: RecordedEvent) -> None:
        book = self._books[recorded.symbol]
        self._waiting -= book.waiting
        book.add(recorded)
        self.at = recorded.recorded_at
        self._waiting += book.waiting
        if book.waiting:
            self._due[book.symbol] = book

    def _note_waiting(self, book: ReplayedBook) -> None:
        if book.waiting:
            self._due[book.symbol] = book
            self._waiting += book.waiting

    def _wait_until_due(self, pace: ReplayPace, recorded: RecordedEvent) -> None:
        seconds = pace.seconds_until(recorded.recorded_at)
        now = self._clock()
        is_full = self._waiting >= MAX_WAITING_EVENTS
        if is_full or max(0.0, seconds) + now - self._flushed_at >= FLUSH_INTERVAL:
            self._flush()
        self._wait(now + seconds)

    def _wait(self, until: float) -> None:
        """Wait, and confirm the books meanwhile."""
        while True:
            now = self._clock()
            if now - self._confirmed_at >= CONFIRM_INTERVAL:
                self._flush()
                self._confirm()
            if until <= now or self._patience.is_over:
                return
            self._patience.wait(min(until - now, CONFIRM_INTERVAL / 4))

    def _flush(self) -> None:
        """Write the events that wait."""
        self._flushed_at = self._clock()
        confirmed_at = self._target.confirmed_at
        while self._due:
            due, self._due, self._waiting = self._due, {}, 0
            calls = [
                call
                for book in due.values()
                for call in book.take_calls(confirmed_at, self._plan.retention)
            ]
            if not calls:
                return
            for call, reply in zip(calls, self._target.write(calls), strict=True):
                self._settle(call, reply)

    def _settle(self, call: WriteCall, reply: object) -> None:
        if not isinstance(reply, Exception):
            self.events += call.entries
            self._refusals.pop(call.symbol, None)
            return
        refusal = parse_refusal(str(reply))
        if refusal is None:
            raise ReplayStopped(f"Redis does not write {call.symbol}: {reply}")
        if refusal.word == "FENCED":
            raise ReplayStopped(
                f"{call.symbol}: another program has written a newer epoch ({refusal.epoch}): use a"
                " Redis without a collector"
            )
        count = self._refusals[call.symbol] = self._refusals.get(call.symbol, 0) + 1
        if count > MAX_REFUSALS:
            raise ReplayStopped(f"{call.symbol}: another program writes into its stream: {reply}")
        book = self._books[call.symbol]
        book.restart(refusal, self.at)
        self._due.pop(call.symbol, None)
        self._note_waiting(book)

    def _confirm(self) -> None:
        """Confirm live books, write the states and the report, and renew the lease."""
        self._confirmed_at = self._clock()
        confirmed_at, retention = self._target.confirmed_at, self._plan.retention
        calls = [
            call
            for book in self._books.values()
            if (call := book.touch_call(confirmed_at, retention)) is not None
        ]
        for call, reply in zip(calls, self._target.write(calls) if calls else [], strict=True):
            refusal = parse_refusal(str(reply)) if isinstance(reply, Exception) else None
            if refusal is not None:
                # Redis has lost the book, or another program has changed it.
                self._settle(call, reply)
        self._flush_restarted()
        self._write_states()
        self._target.renew_lease(self._newest_epoch)
        self._on_progress(self)

    def _flush_restarted(self) -> None:
        if self._due:
            self._flush()

    def _write_states(self) -> None:
        states = {book.symbol: book.state for book in self._books.values() if book.is_written}
        report = {"replay": {"books": self.books, "events": self.events, "passes": self.passes}}
        self._target.write_states(states, report)

    def _write_end(self) -> None:
        """Write a status for each book, as a collector does when it ends."""
        for book in self._books.values():
            book.add_stop(self._target.confirmed_at)
            self._note_waiting(book)
        self._flush()
        self._write_states()
