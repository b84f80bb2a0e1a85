"""Export a recording: one file for each book and day (UTC)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from kraken_book.errors import Unusable
from kraken_book.recording.export.day_writer import DayWriter
from kraken_book.recording.export.window import Window, WindowStep
from kraken_book.recording.layout import PARTIAL
from kraken_book.recording.reader import BookFile, read_events
from kraken_book.recording.recorded import RecordedEvent
from kraken_book.recording.replay import TimeRange

__all__ = ["export_books"]

_DAY = 86_400 * 1_000_000
OnEvents = Callable[[int], None]


def export_books(
    files: Iterable[BookFile],
    target: Path,
    writer: type[DayWriter],
    span: TimeRange,
    *,
    replaces: bool = False,
    on_events: OnEvents = lambda _: None,
) -> Generator[Path, None, None]:
    """Write files of a format, and yield the path of each when it is finished.

    OSError is raised if a file cannot be written, and Unusable if one exists already. After an
    error, or if the caller closes the iterator, the file that is not finished is removed.

    Args:
        files: The book files.
        target: The folder, which is made if it does not exist.
        writer: The format.
        span: The events to write.
        replaces: Whether existing files are replaced.
        on_events: Called with numbers of events that were read.

    Yields:
        The path of each file.
    """
    target.mkdir(parents=True, exist_ok=True)
    of_books: dict[str, list[BookFile]] = defaultdict(list)
    for file in files:
        of_books[file.metadata.symbol].append(file)
    for symbol in sorted(of_books):
        days = _Days(target, symbol, writer, span, replaces=replaces)
        try:
            for recorded in read_events(of_books[symbol], span.end):
                on_events(1)
                yield from days.add(recorded)
            yield from days.end()
        finally:
            days.discard()


class _Days:
    """The files of one book, one after the other."""

    def __init__(
        self,
        target: Path,
        symbol: str,
        writer: type[DayWriter],
        span: TimeRange,
        *,
        replaces: bool,
    ) -> None:
        self._target = target
        self._symbol = symbol
        self._make_writer = writer
        self._span = span
        self._replaces = replaces
        self._window = Window(symbol)
        self._day: int | None = None
        self._path = target
        self._partial: Path | None = None
        self._writer: DayWriter | None = None

    def add(self, recorded: RecordedEvent) -> Iterator[Path]:
        """Write an event; yield the path of the file before, if it ends."""
        is_wanted = recorded.recorded_at >= (self._span.start or 0)
        if is_wanted and recorded.recorded_at // _DAY != self._day:
            yield from self.end()
            self._begin_day(recorded.recorded_at // _DAY)
        step = self._window.apply(recorded)
        if not is_wanted:
            return
        if not self._make_writer.uses_steps:
            self._open().write_event(self._window.with_top(recorded))
        elif step is not None:
            self._write(step)

    def end(self) -> Iterator[Path]:
        """Finish the file; yield its path if there is one."""
        if self._writer is not None and self._partial is not None:
            self._writer.close()
            self._partial.replace(self._path)
            self._writer = self._partial = None
            yield self._path

    def discard(self) -> None:
        """Remove the file that is not finished, if there is one."""
        if self._writer is not None:
            self._writer.abandon()
        if self._partial is not None:
            self._partial.unlink(missing_ok=True)
        self._writer = self._partial = None

    def _begin_day(self, day: int) -> None:
        """Begin a file with the book at that time, if there is one."""
        self._day = day
        self._window.at(max(day * _DAY, self._span.start or 0))
        if self._make_writer.uses_steps:
            if (step := self._window.snapshot()) is not None:
                self._write(step)
        elif (event := self._window.snapshot_event()) is not None:
            self._open().write_event(event)

    def _write(self, step: WindowStep) -> None:
        if step.changes or step.snapshot is not None:
            self._open().write_step(step)

    def _open(self) -> DayWriter:
        """Return the writer of the day; a day on which there is nothing to write has no file."""
        if self._writer is None:
            assert self._day is not None
            text = f"{datetime.fromtimestamp(self._day * _DAY / 1e6, UTC):%Y-%m-%d}"
            name = self._make_writer.name(self._symbol, text) + self._make_writer.suffix
            self._path = self._target / name
            self._partial = self._path.with_name(name + PARTIAL)
            if self._path.exists() and not self._replaces:
                raise Unusable(f"{self._path} exists: use another target, or --force to replace it")
            self._writer = self._make_writer(self._partial, self._symbol)
        return self._writer
