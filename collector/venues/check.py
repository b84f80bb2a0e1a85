"""Check a venue: connect, follow some books for a while, compare them with REST, print a verdict.

    kraken-book check binance --seconds 60

It needs no Redis. The settings of the venue apply, such as `BINANCE_URL` and `BINANCE_SYMBOLS`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from time import monotonic
from typing import NamedTuple

from collector.feed.books import SymbolBook
from collector.feed.feed import Feed
from collector.feed.link import FeedLoad
from collector.metrics import MISMATCHES, RESYNCS, UNSEEN_CHANGES, VERIFIED, counts_by_label
from collector.settings import VENUES, CollectorSettings, FollowedVenue, Shard
from collector.venues.choice import open_venue
from collector.venues.sequenced.rest import RestFailed
from collector.venues.sequenced.venue import SequencedVenue
from kraken_book.level import Level
from runtime.command_line import ExitCodes, OneLineParser
from runtime.log_levels import parse_levels
from runtime.logs import configure_logs
from runtime.settings import read_settings

DESCRIPTION = "Follow some books of a venue, compare them with its REST, and print a verdict."
EXIT_CODES: ExitCodes = {
    0: "the venue was followed, and nothing was wrong",
    1: "something was wrong, or nothing answered",
    2: "an argument or a setting is invalid",
    130: "interrupted by SIGINT (Ctrl-C)",
}
# REST and stream are of different moments, so some levels may differ. The best of some attempts
# counts.
ATTEMPTS, ATTEMPT_PAUSE = 5, 0.5
MIN_EQUAL_SHARE = 0.6
MAX_BOOKS = 10

Side = dict[Decimal, Decimal]


class Finding(NamedTuple):
    """One line of the report."""

    what: str
    is_good: bool
    text: str


@dataclass
class Report:
    """What was found."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, what: str, text: str, *, is_good: bool) -> None:
        """Print a line, and keep it."""
        finding = Finding(what, is_good, text)
        self.findings.append(finding)
        sys.stdout.write(f"{what:<10} {'ok   ' if is_good else 'WRONG'}  {text}\n")
        sys.stdout.flush()

    @property
    def is_good(self) -> bool:
        """Whether nothing was wrong."""
        return all(finding.is_good for finding in self.findings)


class VenueCheck:
    """A check of one venue.

    Args:
        followed: The settings of the venue.
        seconds: The time for which live books are followed.
        wait: The time until they must be live, in seconds.
    """

    def __init__(self, followed: FollowedVenue, seconds: float, wait: float) -> None:
        self._followed = followed._replace(max_symbols=MAX_BOOKS)
        self._seconds = seconds
        self._wait = wait
        self._venue = open_venue(self._followed)
        self._feed = Feed(
            self._venue,
            self._followed.symbols,
            Shard(0, 1),
            MAX_BOOKS,
            FeedLoad(),
            lambda _book: None,
            lambda _name: None,
        )
        self._report = Report()

    async def run(self) -> bool:
        """Do the check; return whether nothing was wrong."""
        running = asyncio.create_task(self._feed.run())
        try:
            if await self._has_live_books():
                await asyncio.sleep(self._seconds)
                self._add_updates()
                await self._compare()
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await self._feed.stop()
        return self._report.is_good

    @property
    def _books(self) -> list[SymbolBook]:
        return list(self._feed.books.values())

    async def _has_live_books(self) -> bool:
        begun = monotonic()
        while monotonic() < begun + self._wait:
            await asyncio.sleep(0.1)
            settled = [book for book in self._books if book.status in ("live", "refused")]
            if self._books and len(settled) == len(self._books):
                break
        states = [connection.describe() for connection in self._feed.connections]
        is_connected = any(state["state"] in ("live", "subscribing") for state in states)
        self._report.add(
            "connect",
            f"{self._followed.url}: {', '.join(str(state['state']) for state in states)}",
            is_good=is_connected,
        )
        live = [book for book in self._books if book.is_live]
        others = ", ".join(
            f"{book.symbol} {book.status}{f' ({book.reason})' if book.reason else ''}"
            for book in self._books
            if not book.is_live
        )
        text = f"{len(live)} of {len(self._books)} live after {monotonic() - begun:.1f} s"
        self._report.add("books", text + (f"; {others}" if others else ""), is_good=not others)
        return bool(live)

    def _add_updates(self) -> None:
        verified = counts_by_label(VERIFIED)
        resyncs = counts_by_label(RESYNCS)
        mismatches = counts_by_label(MISMATCHES)
        unseen = sum(sample.value for each in UNSEEN_CHANGES.collect() for sample in each.samples)
        reasons = ", ".join(f"{reason} {count}" for reason, count in resyncs.items()) or "none"
        self._report.add(
            "updates",
            f"{verified.get('update', 0):,} verified by {self._venue.proof} in {self._seconds:g} s,"
            f" {unseen:,.0f} below the published levels; resyncs: {reasons}",
            is_good=verified.get("update", 0) > 0 and not mismatches,
        )
        not_live = [book.symbol for book in self._books if not book.is_live]
        self._report.add(
            "still live",
            "all" if not not_live else f"not {', '.join(not_live)}",
            is_good=not not_live,
        )

    async def _compare(self) -> None:
        venue = self._venue
        if not isinstance(venue, SequencedVenue):
            self._report.add("REST", "not compared: each update has a checksum", is_good=True)
            return
        if not venue.gives_books:
            text = f"not compared: {venue.name} gives no books by REST"
            self._report.add("REST", text, is_good=True)
            return
        for book in self._books:
            await self._compare_book(venue, book)

    async def _compare_book(self, venue: SequencedVenue, book: SymbolBook) -> None:
        best, of = 0, 0
        for _ in range(ATTEMPTS):
            try:
                sides = await venue.fetch_book(book.symbol)
            except (RestFailed, ValueError) as error:
                self._report.add("REST", f"{book.symbol}: {error}", is_good=False)
                return
            if book.book is None:
                break
            ours = [_numbers(side) for side in (book.book.bids, book.book.asks)]
            theirs = [_numbers(side[: book.depth]) for side in sides]
            equal = sum(
                mine.get(price) == qty
                for mine, their in zip(ours, theirs, strict=True)
                for price, qty in their.items()
            )
            if equal >= best:
                best, of = equal, sum(map(len, theirs))
            if best == of:
                break
            await asyncio.sleep(ATTEMPT_PAUSE)
        self._report.add(
            "REST",
            f"{book.symbol}: {best} of {of} levels equal",
            is_good=of > 0 and best >= MIN_EQUAL_SHARE * of,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the venue of the command line; return the exit code."""
    parser = OneLineParser("kraken-book check", DESCRIPTION, EXIT_CODES, {})
    parser.add_argument("venue", choices=VENUES, metavar="VENUE", help=", ".join(VENUES))
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="time to follow the books (%(default)g)"
    )
    parser.add_argument(
        "--wait", type=float, default=45.0, help="time until the books must be live (%(default)g)"
    )
    given = parser.parse_args(arguments)
    settings = read_settings(CollectorSettings)
    configure_logs(parse_levels("warning"), settings.log_format)
    followed = settings.of_venue(given.venue)
    try:
        is_good = asyncio.run(VenueCheck(followed, given.seconds, given.wait).run())
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(f"verdict: {'ok' if is_good else 'something is WRONG, see above'}\n")
    return 0 if is_good else 1


def _numbers(levels: Iterable[Level | tuple[str, str]]) -> Side:
    return {Decimal(price): Decimal(qty) for price, qty in levels}
