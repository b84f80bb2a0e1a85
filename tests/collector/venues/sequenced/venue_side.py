"""A session of a sequenced venue, and the venue's side of it, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import msgspec

from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.lag import LagMemory
from collector.feed.link import Link
from collector.feed.timestamp import Timestamp
from collector.venues.sequenced.listing import VenueListing
from collector.venues.sequenced.protocol import RestSnapshot, VenuePair, VenueTraits
from collector.venues.sequenced.session import SequencedSession
from kraken_book.level import Level

SECOND = 1_000_000_000
BEGIN = 1_800_000_000 * SECOND
Seen = tuple[str, object]
Sides = tuple[list[tuple[str, str]], list[tuple[str, str]]]


class FixedListing:
    """A list of pairs that a test can change."""

    def __init__(self, pairs: Iterable[VenuePair]) -> None:
        self.version = 1
        self.refreshed = 0
        self.pairs = {pair.symbol: pair for pair in pairs}

    @property
    def is_loaded(self) -> bool:
        return self.version > 0

    def find(self, symbol: str) -> VenuePair | None:
        return self.pairs.get(symbol)

    def refresh(self) -> None:
        self.refreshed += 1

    def change(self, *pairs: VenuePair) -> None:
        self.pairs |= {pair.symbol: pair for pair in pairs}
        self.version += 1


class Witness:
    """A listener that records each call of its book."""

    def __init__(self, book: SymbolBook) -> None:
        self._book = book
        self.seen: list[Seen] = []

    def on_update(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        self.seen.append(("update", [[tuple(level) for level in side] for side in (bids, asks)]))

    def on_snapshot(self) -> None:
        self.seen.append(("snapshot", len(self._book.book.bids) if self._book.book else 0))

    def on_status(self) -> None:
        self.seen.append((self._book.status, self._book.reason))


class VenueConversation:
    """A session with its books; the test sends the frames of the venue, and sets the time."""

    def __init__(self, traits: VenueTraits, pairs: Sequence[VenuePair], depth: int = 10) -> None:
        self.listing = FixedListing(pairs)
        self.link = Link()
        self.books: dict[str, SymbolBook] = {}
        self.witnesses: dict[str, Witness] = {}
        for pair in pairs:
            book = SymbolBook(pair.symbol, depth, "simulated", self.link)
            book.listener = self.witnesses[pair.symbol] = Witness(book)
            self.books[pair.symbol] = book
        self.asked: list[tuple[str, Callable[[RestSnapshot | None], None]]] = []
        self.now = 0.0
        self.session = SequencedSession(
            traits,
            self.books,
            cast("VenueListing", self.listing),
            300.0,
            SharedBudget(50, 10.0).join(),
            LagMemory(),
            lambda pair, answer, _is_wanted: self.asked.append((pair, answer)),
        )
        self.session.open(self.now)

    def requests(self, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Return all requests of the next seconds, and of the pauses between them."""
        found = []
        until = self.now + seconds
        while True:
            request = self.session.next_request(self.now)
            if request is not None:
                found.append(msgspec.json.decode(request))
            elif self.now >= until and not self.session.requests:
                return found
            else:
                self.wait(0.25)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.session.tick(self.now)

    def take(self, *frames: object) -> None:
        """Let the session process frames, each an object or bytes."""
        for frame in frames:
            self.now += 0.01
            data = frame if isinstance(frame, bytes) else msgspec.json.encode(frame)
            read_at = self.time
            self.link.last_frame_at = read_at
            for _ in self.session.begin(data, read_at) or ():
                pass

    @property
    def time(self) -> Timestamp:
        return Timestamp(BEGIN + int(self.now * SECOND), int(self.now * SECOND))

    def sides(self, symbol: str) -> Sides:
        book = self.books[symbol].book
        assert book is not None, f"{symbol} is {self.books[symbol].status}"
        bids, asks = ([tuple(level) for level in side] for side in (book.bids, book.asks))
        return cast("Sides", (bids, asks))
