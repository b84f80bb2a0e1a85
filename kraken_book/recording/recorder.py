"""Record the books of a stream: into the journal at once, and into book files in parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import NamedTuple, TypeAlias, cast

import msgspec

from kraken_book.client.live_book import LiveBook
from kraken_book.client.session import StreamStart
from kraken_book.event import Event, Lagged, LaggedReason, Snapshot, StatusChange, Update
from kraken_book.position import Position
from kraken_book.recording.book_writer import BookForm
from kraken_book.recording.continuity import (
    continued,
    is_gap_before,
    is_recorded,
    lost_at,
    position_of,
    snapshot_of_live,
)
from kraken_book.recording.journal import Journal, JournalEntry, read_journal
from kraken_book.recording.layout import lock_folder, remove_partial_files
from kraken_book.recording.manifest import ManifestLine
from kraken_book.recording.part import Part
from kraken_book.recording.recorded import UNRECORDED, RecordedEvent
from kraken_book.recording.recovery import recover_books
from kraken_book.recording.rows import RowBuffer

__all__ = ["EndOfPart", "Recorder", "Recovered", "Step"]

JOURNAL = "_journal.arrows"
# Seconds between two checkpoints of the journal, which bound the time of a recovery.
CHECKPOINT_INTERVAL = 60.0


class EndOfPart(NamedTuple):
    """The step that finishes all book files; `checkpoint` begins the next journal."""

    checkpoint: JournalEntry


Step: TypeAlias = JournalEntry | EndOfPart


class Recovered(NamedTuple):
    """What the recorder found in its folder.

    Attributes:
        start: Where the stream continues.
        last_time: The time of the last recorded event in Unix microseconds; None if there is none.
        lines: The book files that are finished only now, because the last recorder was killed.
    """

    start: StreamStart
    last_time: int | None
    lines: list[ManifestLine]


class Recorder:
    """Records books into a folder, which no other recorder may use at the same time.

    Call `recover` first, then `record` after each change of a book. What was recorded is written
    in two calls: `take_steps` is fast, and must be called between two calls of `record`. `write`
    may wait for the disk, so it may be called in a thread; only one call at a time, in order. After
    a kill, events that were not written are lost. OSError is raised if nothing can be written.

    Args:
        root: The folder, which is made if it does not exist.
        clock: Returns Unix nanoseconds.
    """

    def __init__(self, root: Path, clock: Callable[[], int] = time_ns) -> None:
        self._root = root
        self._clock = clock
        root.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(root)
        self._part = Part(root)
        self._journal: Journal | None = None
        self._buffer = RowBuffer()
        self._steps: list[Step] = []
        self._forms: dict[str, BookForm] = {}
        self._new_forms: list[BookForm] = []
        self._books: dict[str, LiveBook] = {}
        # The last recorded position of each book since its last gap, whatever state it is in.
        self._positions: dict[str, Position] = {}
        self._rejected: dict[str, Event] = {}
        # The books at the beginning of this part, of which no file was begun yet.
        self._continued: dict[str, Snapshot] = {}
        self._stream_id: str | None = None
        self._checkpoint_at = 0
        self._last_time = 0
        self._finished_bytes = 0
        self.events = 0
        """The number of recorded events."""
        self.gaps = 0
        """The number of recorded gaps: how often events are missing."""
        self.missed = 0
        """The number of missing events, as far as known."""
        self.refused = 0
        """The number of events that fit into no book file."""

    @property
    def waiting_rows(self) -> int:
        """The number of rows that `take_steps` would return."""
        return len(self._buffer)

    @property
    def text_quantities(self) -> int:
        """The number of quantities that do not fit into int64, and are written as text."""
        return self._buffer.text_quantities

    @property
    def journal_size(self) -> int:
        """The size of the journal in bytes."""
        return 0 if self._journal is None else self._journal.size

    @property
    def written_bytes(self) -> int:
        """The size of the finished files and the journal."""
        return self._finished_bytes + self.journal_size

    def recover(self) -> Recovered:
        """Finish the files of a recorder that was killed, and begin new ones.

        Returns:
            Where to continue.
        """
        path = self._root / JOURNAL
        remove_partial_files(self._root)
        for entry in read_journal(path):
            self._part.add(entry)
        lines = self._part.finish()
        found = recover_books(path)
        self._forms = dict(found.forms)
        self._books = {book.symbol: book for book in found.start.books}
        self._positions = dict(found.positions)
        self._stream_id = found.start.last_id
        self._last_time = found.last_time or 0
        self.write([self._end_of_part()])
        return Recovered(found.start, found.last_time, lines)

    def record(self, book: LiveBook, stream_id: str | None) -> None:
        """Record the event that changed `book`, unless the files already have it.

        Args:
            book: The book, right after its change.
            stream_id: The id with which a reader resumes after this event.
        """
        event = book.event
        if event is None:
            return
        now = self._next_time()
        self._books[book.symbol] = book
        self._update_form(book)
        rejected = book.rejected
        if rejected is not None and self._rejected.get(book.symbol) is not rejected:
            self._rejected[book.symbol] = rejected
            if isinstance(rejected, StatusChange):
                # It is wrong only because events are missing before it.
                self._add_next(RecordedEvent(event=rejected, recorded_at=now, is_verified=False))
            else:
                self._add(RecordedEvent(event=rejected, recorded_at=now, is_verified=False))
        is_verified = isinstance(event, Snapshot | Update)
        self._add_next(RecordedEvent(event=event, recorded_at=now, is_verified=is_verified))
        self._stream_id = stream_id

    def take_steps(self, *, ends_part: bool = False) -> list[Step]:
        """Return what must be written of the events until now.

        Args:
            ends_part: Whether to finish the book files and begin others.
        """
        self._cut()
        if ends_part:
            self._steps.append(self._end_of_part())
        elif abs(self._clock() - self._checkpoint_at) >= CHECKPOINT_INTERVAL * 1e9:
            # Also if the clock stepped back, or the next one would come only after that time.
            self._steps.append(self._checkpoint())
        steps, self._steps = self._steps, []
        return steps

    def write(self, steps: Iterable[Step]) -> list[ManifestLine]:
        """Write steps.

        Args:
            steps: The next steps, in order.

        Returns:
            The lines of the book files that were finished.
        """
        lines: list[ManifestLine] = []
        for step in steps:
            if isinstance(step, EndOfPart):
                finished = self._part.finish()
                self._finished_bytes += sum(line.bytes for line in finished)
                lines += finished
                self._begin_part(step.checkpoint)
            else:
                assert self._journal is not None, "recover() was not called"
                self._journal.append(step)
                self._part.add(step)
        return lines

    def close(self) -> list[ManifestLine]:
        """Finish the book files, and free the folder for another recorder.

        Returns:
            The lines of the book files that were finished.
        """
        try:
            return self.write(self.take_steps(ends_part=True))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Free the folder; the next recorder finishes the book files from the journal."""
        try:
            # If the disk is full, its end cannot be written; readers do not need it.
            with suppress(OSError):
                if self._journal is not None:
                    self._journal.close()
        finally:
            os.close(self._lock)

    def _next_time(self) -> int:
        """Return the time in microseconds, later than all before, even if the clock steps back.

        The order of times is the order of events and files.
        """
        self._last_time = max(self._clock() // 1000, self._last_time + 1)
        return self._last_time

    def _begin_part(self, checkpoint: JournalEntry) -> None:
        """Begin a journal, whose checkpoint makes the one before needless."""
        before, self._journal = self._journal, Journal(self._root / JOURNAL)
        self._part = Part(self._root)
        self._journal.append(checkpoint)
        self._part.add(checkpoint)
        self._journal.replace_previous()
        if before is not None:
            before.close()

    def _cut(self) -> None:
        """Make a step of the rows until now."""
        if len(self._buffer) or self._new_forms:
            forms, self._new_forms = tuple(self._new_forms), []
            entry = JournalEntry("rows", self._buffer.take(), self._stream_id, forms)
            self._steps.append(entry)

    def _end_of_part(self) -> EndOfPart:
        self._new_forms = list(self._forms.values())
        end = EndOfPart(self._checkpoint())
        self._continued = {
            book.symbol: snapshot
            for book in self._books.values()
            if (snapshot := self._snapshot_of(book)) is not None
        }
        return end

    def _checkpoint(self) -> JournalEntry:
        self._checkpoint_at = self._clock()
        # The next recorder begins after this time, so it must not be earlier than an event's.
        at = max(self._checkpoint_at // 1000, self._last_time)
        buffer = RowBuffer()
        for symbol in self._books.keys() | self._positions.keys():
            book = self._books.get(symbol)
            if book is not None and (snapshot := self._snapshot_of(book)) is not None:
                # A book that fits into no file is not continued after a kill.
                with suppress(ValueError):
                    buffer.add(continued(snapshot, at), book.precision)
                    continue
            if (position := self._positions.get(symbol)) is not None:
                # Its book is not known, but the next recorder must not record its events again.
                buffer.add(lost_at(symbol, position, at), None)
        forms, self._new_forms = tuple(self._new_forms), []
        return JournalEntry("checkpoint", buffer.take(), self._stream_id, forms)

    def _update_form(self, book: LiveBook) -> None:
        """Begin another file if the book differs in more than its levels."""
        precision = book.precision
        decimals = (None, None) if precision is None else tuple(precision)
        form = BookForm(book.symbol, book.source or "", book.depth or 0, *decimals)
        before = self._forms.get(book.symbol)
        # A book that was lost keeps its form until the next snapshot.
        if form == before or (before is not None and precision is None):
            return
        if before is not None:
            self._cut()
        self._forms[book.symbol] = form
        self._new_forms.append(form)

    def _snapshot_of(self, book: LiveBook) -> Snapshot | None:
        """Return the book after its last recorded event; None if its levels are not known."""
        is_at_end = position_of(book) == self._positions.get(book.symbol)
        return snapshot_of_live(book) if is_at_end else None

    def _add_next(self, recorded: RecordedEvent) -> None:
        """Record an event after those that are missing before it, unless the files have it.

        A stream that begins again repeats events: its first snapshot may be older than the last
        status, and the statuses follow it.
        """
        symbol, position = recorded.symbol, recorded.position
        last = self._positions.get(symbol)
        if isinstance(recorded.event, Lagged):
            self._positions.pop(symbol, None)
        elif position is not None:
            if last is not None and is_recorded(recorded, position, last):
                return
            self._positions[symbol] = position
            if last is not None and is_gap_before(recorded, position, last):
                missed = position.events_since(last)
                if missed is not None and not isinstance(recorded.event, Snapshot):
                    # The event itself is recorded. The book of a snapshot may be that of an event.
                    missed -= 1
                gap = Lagged(symbol, missed, cast("LaggedReason", UNRECORDED))
                self._add(msgspec.structs.replace(recorded, event=gap, is_verified=False))
        self._add(recorded)

    def _add(self, recorded: RecordedEvent) -> None:
        event, symbol = recorded.event, recorded.symbol
        precision = self._forms[symbol].precision
        snapshot = self._continued.pop(symbol, None)
        try:
            if snapshot is not None and not isinstance(event, Snapshot):
                self._buffer.add(continued(snapshot, recorded.recorded_at), precision)
            self._buffer.add(recorded, precision)
        except ValueError:
            # The position tells readers of the file that an event is missing.
            self.refused += 1
            return
        self.events += 1
        if isinstance(event, Lagged):
            self.gaps += 1
            self.missed += event.missed or 0
