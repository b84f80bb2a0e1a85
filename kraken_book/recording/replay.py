"""The books of a recording as they changed, like those of `watch` but from files."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec

from kraken_book.client.arguments import ALL, Time, parse_time, split_names
from kraken_book.client.live_book import LiveBook
from kraken_book.errors import BookInvalid, Unusable
from kraken_book.event import Event, Snapshot, Update
from kraken_book.level import Best, Level
from kraken_book.recording.raised_positions import RaisedPositions, epoch_shift
from kraken_book.recording.reader import BookFile, find_book_files, read_events
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.selection import Selection, parse_selection
from kraken_book.symbols import normalize_symbol

__all__ = [
    "RecordedBooks",
    "ReplayPace",
    "TimeRange",
    "choose_files",
    "open_replay",
    "with_top",
]

# Events that are read from the files at a time, outside the event loop.
CHUNK_EVENTS = 512


class TimeRange(msgspec.Struct, frozen=True):
    """A range of `recorded_at` in Unix microseconds; None is no limit."""

    start: int | None = None
    end: int | None = None


def open_replay(
    path: str | Path,
    symbols: Iterable[str | Iterable[str]],
    speed: float | None,
    start: Time | None,
    end: Time | None,
    *,
    loop: bool = False,
) -> RecordedBooks:
    """Return the replay of a recording; the arguments are those of `kraken_book.replay`.

    Raises:
        Unusable: An argument is invalid, or nothing was recorded that fits.
    """
    names = split_names(symbols) or [ALL]
    try:
        selection = parse_selection(",".join(normalize_symbol(name) for name in names))
    except ValueError as error:
        raise Unusable(str(error)) from None
    if speed is not None and not 0 < speed < float("inf"):
        raise Unusable(f"speed={speed}: use a number above 0, or None for as fast as possible")
    span = TimeRange(parse_time("start", start), parse_time("end", end))
    files = choose_files(find_book_files([Path(path)]), selection.normalized(), span)
    return RecordedBooks(files, speed, span, is_loop=loop)


class RecordedBooks:
    """The iterable that `replay` returns, for `for` and `async for`; each iteration begins anew.

    Args:
        files: The files of all books.
        speed: The factor of the recorded pace; None is as fast as the books are read.
        span: The events that are yielded; those before only change the books.
        is_loop: Whether to begin again at the end. Each pass has higher positions than the one
            before.
    """

    def __init__(
        self,
        files: Iterable[BookFile],
        speed: float | None = None,
        span: TimeRange | None = None,
        *,
        is_loop: bool = False,
    ) -> None:
        self._files = list(files)
        self._speed = speed
        self._span = span or TimeRange()
        self._is_loop = is_loop
        self._books: dict[str, LiveBook] = {}
        self._positions: dict[str, RaisedPositions] = defaultdict(RaisedPositions)
        self._has_yielded = False

    @property
    def books(self) -> Mapping[str, LiveBook]:
        """Every book that has occurred, by its symbol."""
        return self._books

    def __iter__(self) -> Iterator[LiveBook]:
        for events in self._passes():
            pace = ReplayPace(self._speed, time.monotonic)
            for recorded in events:
                if (book := self._apply(recorded)) is not None:
                    if (seconds := pace.seconds_until(recorded.recorded_at)) > 0:
                        time.sleep(seconds)
                    yield book

    async def __aiter__(self) -> AsyncIterator[LiveBook]:
        for events in self._passes():
            pace = ReplayPace(self._speed, time.monotonic)
            while chunk := await asyncio.to_thread(_chunk, events):
                for recorded in chunk:
                    if (book := self._apply(recorded)) is not None:
                        if (seconds := pace.seconds_until(recorded.recorded_at)) > 0:
                            await asyncio.sleep(seconds)
                        yield book

    def _passes(self) -> Iterator[Iterator[RecordedEvent]]:
        """Yield the events of each pass."""
        self._books, self._positions = {}, defaultdict(RaisedPositions)
        while True:
            self._has_yielded = False
            yield read_events(self._files, self._span.end)
            # A pass without a change would be followed by others without end.
            if not self._is_loop or not self._has_yielded:
                return
            self._begin_again()

    def _begin_again(self) -> None:
        ends = [each.last.epoch for each in self._positions.values() if each.last is not None]
        recorded_epochs = (file.metadata.first_epoch for file in self._files)
        shift = epoch_shift(recorded_epochs, max(ends, default=0))
        for symbol, book in self._books.items():
            book.begin()
            self._positions[symbol].begin_pass(shift)

    def _apply(self, recorded: RecordedEvent) -> LiveBook | None:
        """Apply an event; return its book if the caller should see the change."""
        event, symbol = self._raised(recorded), recorded.symbol
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = LiveBook(symbol)
        if isinstance(event, Snapshot) and event.received_at is None:
            # A new stream began here, with the book at its present position.
            book.begin()
        with suppress(BookInvalid):
            if not book.apply(event):
                return None
            if isinstance(event, Snapshot | Update):
                book.event = with_top(event, book)
        start = self._span.start
        if start is not None and recorded.recorded_at < start:
            return None
        self._has_yielded = True
        return book

    def _raised(self, recorded: RecordedEvent) -> Event:
        """Return the event; in a loop, at a position above those of earlier passes."""
        position = recorded.position
        if position is None or not self._is_loop:
            return recorded.event
        positions = self._positions[recorded.symbol]
        raised = positions.raised(position)
        if positions.last is None or raised > positions.last:
            positions.last = raised
        event: Event = msgspec.structs.replace(recorded.event, epoch=raised.epoch, seq=raised.seq)
        return event


class ReplayPace:
    """When each event is due.

    Args:
        speed: The factor of the recorded pace; None is at once.
        clock: Returns monotonic seconds.
    """

    def __init__(self, speed: float | None, clock: Callable[[], float]) -> None:
        self._speed = speed
        self._clock = clock
        self._first: tuple[int, float] | None = None

    def seconds_until(self, recorded_at: int) -> float:
        """Return the seconds until an event is due, from the first one on."""
        if self._speed is None:
            return 0.0
        now = self._clock()
        if self._first is None:
            self._first = recorded_at, now
        first, begun = self._first
        return begun + (recorded_at - first) / 1e6 / self._speed - now


def with_top(event: Snapshot | Update, book: LiveBook) -> Snapshot | Update:
    """Return the event with the best levels and the spread of the book after it."""
    return msgspec.structs.replace(
        event, best_bid=_best(book.best_bid), best_ask=_best(book.best_ask), spread=book.spread
    )


def choose_files(
    files: Iterable[BookFile], selection: Selection, span: TimeRange
) -> list[BookFile]:
    """Return the files that a replay needs.

    Of each book these are the last file that begins before the start, for the book at that time,
    and all later ones up to the end.

    Args:
        files: All files.
        selection: The symbols.
        span: The times.

    Raises:
        Unusable: There is none.
    """
    of_books: dict[str, list[BookFile]] = defaultdict(list)
    for file in sorted(files, key=lambda file: file.metadata.first_time):
        of_books[file.metadata.symbol].append(file)
    chosen: list[BookFile] = []
    for symbol in selection.among(of_books):
        before = [at for at, file in enumerate(of_books[symbol]) if _begins_by(file, span.start)]
        later = of_books[symbol][before[-1] if before else 0 :]
        chosen += [file for file in later if span.end is None or _begins_by(file, span.end)]
    if not chosen:
        has = ", ".join(sorted(of_books)[:10])
        raise Unusable(f"nothing of {selection} was recorded in this time; there is {has}")
    return chosen


def _begins_by(file: BookFile, moment: int | None) -> bool:
    return moment is not None and file.metadata.first_time <= moment


def _chunk(events: Iterator[RecordedEvent]) -> list[RecordedEvent]:
    return list(islice(events, CHUNK_EVENTS))


def _best(level: Level | None) -> Best | None:
    return None if level is None else Best(level.price, level.qty)
