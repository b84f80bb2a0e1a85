"""Rebuild the books that a recorder had from its journal, so that it can continue its stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from kraken_book.client.live_book import LiveBook
from kraken_book.client.session import StreamStart
from kraken_book.errors import BookInvalid
from kraken_book.event import Lagged, Snapshot, Update
from kraken_book.position import Position
from kraken_book.recording.book_writer import BookForm
from kraken_book.recording.journal import JournalEntry, read_journal
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.rows import EventAssembler

__all__ = ["RecoveredBooks", "recover_books"]


class RecoveredBooks(NamedTuple):
    """The end of a journal.

    Attributes:
        start: Where the stream continues.
        forms: The form of each book.
        last_time: The time of the last event in Unix microseconds; None if there is none.
        positions: The last position of each book since its last gap, also of those that could not
            be rebuilt.
    """

    start: StreamStart
    forms: Mapping[str, BookForm]
    last_time: int | None
    positions: Mapping[str, Position]


def recover_books(path: Path) -> RecoveredBooks:
    """Return the books at the end of a journal, each verified by its checksum.

    If a book cannot be rebuilt, `start` has no id, so that the stream begins with snapshots.

    Args:
        path: The journal, which may not exist.
    """
    newest = max((at for at, entry in _numbered(path) if entry.kind == "checkpoint"), default=0)
    forms: dict[str, BookForm] = {}
    books: dict[str, LiveBook] = {}
    positions: dict[str, Position] = {}
    lost: set[str] = set()
    last_time: int | None = None
    last_id: str | None = None
    for at, entry in _numbered(path):
        forms |= {form.symbol: form for form in entry.forms}
        last_id = entry.stream_id
        if at < newest:
            continue
        for recorded in _events_of(entry, forms):
            last_time = recorded.recorded_at
            _note_position(recorded, positions)
            _apply(recorded, books, lost)
    # A resumed stream has no snapshots of lost books.
    start = StreamStart(None, ()) if lost else StreamStart(last_id, list(books.values()))
    return RecoveredBooks(start, forms, last_time, positions)


def _numbered(path: Path) -> Iterator[tuple[int, JournalEntry]]:
    return enumerate(read_journal(path))


def _events_of(entry: JournalEntry, forms: Mapping[str, BookForm]) -> Iterator[RecordedEvent]:
    """Yield the events of an entry; snapshots have the source and the depth of their books."""
    for recorded in EventAssembler("", 0).feed(entry.rows):
        form = forms[recorded.symbol]
        yield recorded.with_form(form.source, form.depth)


def _note_position(recorded: RecordedEvent, positions: dict[str, Position]) -> None:
    is_rejected = isinstance(recorded.event, Snapshot | Update) and not recorded.is_verified
    if isinstance(recorded.event, Lagged):
        positions.pop(recorded.symbol, None)
    elif recorded.position is not None and not is_rejected:
        positions[recorded.symbol] = recorded.position


def _apply(recorded: RecordedEvent, books: dict[str, LiveBook], lost: set[str]) -> None:
    symbol, event = recorded.symbol, recorded.event
    book = books.setdefault(symbol, LiveBook(symbol))
    if recorded.is_continued and book.seq is not None:
        return
    if isinstance(event, Snapshot | Update) and not recorded.is_verified:
        # The recorder rejected it.
        lost.add(symbol)
        return
    try:
        book.apply(event)
    except BookInvalid:
        lost.add(symbol)
    else:
        if isinstance(event, Snapshot):
            lost.discard(symbol)
