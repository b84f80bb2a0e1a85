"""Report what a recording has: for each book and day its span, and what is missing and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

import msgspec

from kraken_book.event import Lagged, StatusChange
from kraken_book.position import Position
from kraken_book.recording.reader import BookFile, read_events
from kraken_book.recording.recorded import RecordedEvent

__all__ = ["DayReport", "report_days"]

_DAY = 86_400 * 1_000_000


class DayReport(msgspec.Struct, kw_only=True):
    """What a recording has of one book and day.

    Attributes:
        symbol: The symbol.
        day: The day (UTC).
        first_time: Time of the first event in Unix microseconds.
        last_time: Time of the last event in Unix microseconds.
        events: Number of events.
        gaps: How often events are missing.
        missed: Number of missing events, as far as known.
        unknown_gaps: Gaps of which the number of missing events is unknown.
        unverified: The seconds for which the book was not verified, by reason.
    """

    symbol: str
    day: date
    first_time: int
    last_time: int
    events: int = 0
    gaps: int = 0
    missed: int = 0
    unknown_gaps: int = 0
    unverified: dict[str, float] = {}

    @property
    def verified_share(self) -> float:
        """The share of the span for which the book was verified, from 0 to 1."""
        seconds = (self.last_time - self.first_time) / 1e6
        return max(0.0, 1 - sum(self.unverified.values()) / seconds) if seconds else 1.0


def report_days(files: Iterable[BookFile]) -> Iterator[DayReport]:
    """Yield a report for each book and day, sorted by symbol and day.

    DamagedRecording is raised if a file is damaged.

    Args:
        files: The files.

    Yields:
        Each report.
    """
    of_books: dict[str, list[BookFile]] = defaultdict(list)
    for file in files:
        of_books[file.metadata.symbol].append(file)
    for symbol in sorted(of_books):
        timeline = _Timeline(symbol)
        for recorded in read_events(of_books[symbol]):
            if not recorded.is_continued:
                timeline.add(recorded)
        yield from timeline.end()


class _Timeline:
    """One book's events, and the spans in which it was not verified."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._days: dict[int, DayReport] = {}
        self._last: Position | None = None
        self._last_time: int | None = None
        # Whether a `lagged` came after the last event with a position.
        self._is_gap_told = False
        # Since when, and why, the book is not verified.
        self._since: int | None = None
        self._reason = ""

    def add(self, recorded: RecordedEvent) -> None:
        now, event = recorded.recorded_at, recorded.event
        day = self._day(now)
        day.events += 1
        day.last_time = now
        if isinstance(event, Lagged):
            day.gaps += 1
            day.missed += event.missed or 0
            day.unknown_gaps += event.missed is None
            # The missing events were between the last recorded one and this.
            self._begin(self._last_time or now, event.reason)
        elif isinstance(event, StatusChange):
            if event.status == "live":
                self._finish(now)
            else:
                self._begin(now, event.reason or event.status)
        elif recorded.is_verified:
            self._add_jump(recorded, day)
            self._finish(now)
        else:
            self._begin(now, "rejected")
        self._is_gap_told = isinstance(event, Lagged) or (
            self._is_gap_told and recorded.position is None
        )
        self._last, self._last_time = recorded.position or self._last, now

    def _add_jump(self, recorded: RecordedEvent, day: DayReport) -> None:
        """Add a gap that only the position of a snapshot tells."""
        last, position = self._last, recorded.position
        if self._is_gap_told or position is None or not recorded.has_gap_before(last):
            return
        assert last is not None
        # The last position counts, so it is not missing itself.
        missed = position.events_since(last)
        day.gaps += 1
        day.missed += (missed or 1) - 1
        day.unknown_gaps += missed is None
        self._begin(self._last_time or day.first_time, "missing")

    def end(self) -> list[DayReport]:
        if self._last_time is not None:
            self._finish(self._last_time)
        return [self._days[day] for day in sorted(self._days)]

    def _day(self, time: int) -> DayReport:
        number = time // _DAY
        report = self._days.get(number)
        if report is None:
            day = datetime.fromtimestamp(number * _DAY / 1e6, UTC).date()
            report = DayReport(symbol=self._symbol, day=day, first_time=time, last_time=time)
            self._days[number] = report
        return report

    def _begin(self, since: int, reason: str) -> None:
        """Begin a span, or give the present one another reason from now on."""
        if self._since is not None:
            self._finish(max(since, self._since))
        self._since, self._reason = since, reason

    def _finish(self, until: int) -> None:
        since, self._since = self._since, None
        while since is not None and since < until:
            end = min(until, (since // _DAY + 1) * _DAY)
            day = self._days.get(since // _DAY)
            if day is not None:
                seconds = (end - since) / 1e6
                day.unverified[self._reason] = day.unverified.get(self._reason, 0.0) + seconds
            since = end
