"""A feed of a venue's simulator, with a reader that checks each published book."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from collector.feed.books import SymbolBook
from collector.feed.feed import Feed
from collector.feed.link import FeedLoad
from collector.feed.venue import Venue
from collector.settings import FollowedVenue, Shard
from collector.venues.choice import open_venue
from kraken_book.level import Level
from kraken_book.selection import parse_pairs
from kraken_book.symbols import pair_of
from lab.naive_book import NaiveBook
from lab.services import SimulatorProcess
from lab.stage import Stage
from lab.waiting import async_wait_until, cancel
from tests.venues.under_test import VenueUnderTest

DEPTH = 10
RATE = "300"
# Longer than any test.
SILENCE = 3600
Side = list[tuple[Decimal, Decimal]]


class PublishedBook:
    """A reader of one book, which applies published levels and keeps the best ones."""

    def __init__(self, book: SymbolBook) -> None:
        self.book = book
        self.naive = NaiveBook(DEPTH)
        self.statuses: list[tuple[str, str | None]] = []
        self.snapshots = 0
        self.updates = 0
        self.errors: list[str] = []
        book.listener = self

    def on_snapshot(self) -> None:
        assert self.book.book is not None
        self.naive.snapshot(*(map(_texts, (self.book.book.bids, self.book.book.asks))))
        self.snapshots += 1
        self.statuses.append(("live", None))
        self._check()

    def on_update(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        self.naive.frame(_texts(bids), _texts(asks))
        self.updates += 1
        self._check()

    def on_status(self) -> None:
        self.statuses.append((self.book.status, self.book.reason))

    def _check(self) -> None:
        if self.naive.checksum != self.book.checksum or self.naive.crossed:
            self.errors.append(f"{self.book.symbol} is wrong after {self.updates} updates")

    @property
    def sides(self) -> tuple[Side, Side]:
        """The bids and asks of the reader."""
        return _numbers(self.naive.bids), _numbers(self.naive.asks)


class FollowedFeed:
    """A feed of a simulator, and a reader of each of its books."""

    def __init__(self, venue: VenueUnderTest, simulator: SimulatorProcess) -> None:
        self.venue = venue
        self.simulator = simulator
        self.readers: dict[str, PublishedBook] = {}
        self.feed: Feed
        self.opened: Venue
        self.running: asyncio.Task[None]

    def join(self, book: SymbolBook) -> None:
        self.readers[book.symbol] = PublishedBook(book)

    def leave(self, name: str) -> None:
        del self.readers[pair_of(name)]

    def __getitem__(self, symbol: str) -> PublishedBook:
        return self.readers[symbol]

    async def inject(self, fault: str) -> None:
        """Inject a fault, without blocking the feed."""
        await asyncio.to_thread(self.simulator.fault, fault)

    async def until(self, condition: Callable[[], object], message: str) -> None:
        """Wait until a condition holds; fail at once if the feed fails."""

        def holds() -> object:
            if self.running.done():
                self.running.result()
            return condition()

        await async_wait_until(holds, message)

    async def until_live(self, *symbols: str) -> None:
        """Wait until `symbols` are live; without any, until all pairs of the venue are."""
        wanted = symbols or self.venue.pairs

        def are_live() -> bool:
            readers = [self.readers.get(symbol) for symbol in wanted]
            return all(reader is not None and reader.book.is_live for reader in readers)

        await self.until(are_live, f"{wanted} are live")

    async def until_doubted(self, symbol: str, after: int = 0) -> str:
        """Wait until a book is not live any more; return the reason.

        Args:
            symbol: The book.
            after: Statuses that are ignored.
        """
        reader = self.readers[symbol]

        def reasons() -> list[str]:
            return [
                reason for status, reason in reader.statuses[after:] if reason and status != "live"
            ]

        await self.until(reasons, f"{symbol} is in doubt")
        return reasons()[0]

    async def until_moved(self, symbol: str, updates: int = 10) -> None:
        """Wait until a book has received this many more updates."""
        reader = self.readers[symbol]
        until = reader.updates + updates
        await self.until(lambda: reader.updates >= until, f"{symbol} moves")

    async def until_equal(self, *symbols: str) -> None:
        """Stop the markets, and wait until each reader's book equals the simulator's."""
        for symbol in symbols or self.venue.pairs:
            await self.inject(f"silence?symbol={symbol}&seconds={SILENCE}")
        for symbol in symbols or self.venue.pairs:
            await self._until_book_equal(symbol)
        assert [error for reader in self.readers.values() for error in reader.errors] == []

    async def _until_book_equal(self, symbol: str) -> None:
        market = await asyncio.to_thread(self.simulator.book, symbol, DEPTH)
        expected = _numbers(market["bids"])[:DEPTH], _numbers(market["asks"])[:DEPTH]
        reader = self.readers[symbol]

        def is_equal() -> bool:
            return reader.book.is_live and reader.sides == expected

        await self.until(is_equal, f"the reader's book of {symbol} equals the simulator's")


@asynccontextmanager
async def followed(
    stage: Stage, venue: VenueUnderTest, selection: str = "", **changes: Any
) -> AsyncIterator[FollowedFeed]:
    """Follow a venue until the context ends.

    Args:
        stage: The stage of the simulator.
        venue: The venue.
        selection: The symbols to follow; the three pairs of the venue by default.
        **changes: Settings of the venue to replace.

    Yields:
        The feed.
    """
    simulator = stage.simulator(
        *("--venue", venue.name, "--rate", RATE, "--control", "0", "--log-level", "warning"),
        *("--symbols", ",".join(venue.pairs)),
    )
    settings = FollowedVenue(
        venue.name,
        simulator.url,
        simulator.rest_url,
        parse_pairs(selection or ",".join(venue.pairs)),
        DEPTH,
        symbols_per_connection=20,
        max_symbols=100,
        connects_per_10_min=150,
        quiet_resync=300.0,
    )._replace(**changes)
    feed = FollowedFeed(venue, simulator)
    feed.opened = open_venue(settings)
    feed.feed = Feed(
        feed.opened,
        settings.symbols,
        Shard(0, 1),
        settings.max_symbols,
        FeedLoad(),
        feed.join,
        feed.leave,
    )
    feed.running = asyncio.create_task(feed.feed.run())
    try:
        yield feed
    finally:
        await cancel(feed.running)
        await feed.feed.stop()


def _texts(levels: Iterable[Level]) -> list[tuple[str, str]]:
    return [(price, qty) for price, qty in levels]


def _numbers(levels: Sequence[Any]) -> Side:
    return [(Decimal(str(price)), Decimal(str(qty))) for price, qty in levels]
