"""The deep book of one pair, of which the best levels are published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collector.feed.books import SymbolBook
from collector.feed.timestamp import Timestamp
from collector.metrics import UNSEEN_CHANGES
from collector.venues.sequenced.book.deep_side import Change, DeepSide
from collector.venues.sequenced.book.numbers import read_level
from collector.venues.sequenced.protocol import BookMessage, TextLevels
from kraken_book.precision import Precision

# Levels of a large snapshot that are read before yielding to the event loop.
LEVELS_PER_STEP = 1000


class DeepBook:
    """All levels that the venue sends of a pair.

    Args:
        book: The book that is published.
        precision: The decimals of prices and quantities.
    """

    def __init__(self, book: SymbolBook, precision: Precision) -> None:
        self._book = book
        self._precision = precision
        self._bids, self._asks = (DeepSide(sign, book.depth, precision) for sign in (-1, 1))

    def fill(self, bids: TextLevels, asks: TextLevels, limit: int | None = None) -> Iterator[None]:
        """Replace all levels with those of a snapshot, in short steps.

        A BookError is raised in a step if a level is impossible.

        Args:
            bids: The levels of one side.
            asks: The levels of the other.
            limit: The most levels of a side that the snapshot can have; None if there is no limit.

        Yields:
            None after each step.
        """
        for side, levels in ((self._bids, bids), (self._asks, asks)):
            read: list[Change] = []
            for first in range(0, len(levels), LEVELS_PER_STEP):
                read += self._read(levels[first : first + LEVELS_PER_STEP])
                yield
            side.replace(read, is_whole=limit is None or len(levels) < limit)

    def publish(self, time: str | None, read_at: Timestamp) -> None:
        """Publish the window as a snapshot. A BookError is raised if it is crossed."""
        book = self._book
        book.precision = self._precision
        book.take_snapshot(self._bids.window(), self._asks.window(), None, time, read_at)

    def apply(self, message: BookMessage, read_at: Timestamp) -> None:
        """Apply a change, and publish its difference of the window, if there is one.

        A BookError is raised if a level is impossible, or the window is crossed or unknown.
        """
        bids, asks = (self._read(levels) for levels in (message.bids, message.asks))
        seen_bids, seen_asks = self._bids.apply(bids), self._asks.apply(asks)
        if seen_bids or seen_asks:
            self._book.take_update(seen_bids, seen_asks, None, message.time, read_at)
        else:
            UNSEEN_CHANGES.inc()

    def add(self, message: BookMessage) -> None:
        """Apply a change without publishing it. Errors are those of `apply`."""
        self._bids.apply(self._read(message.bids))
        self._asks.apply(self._read(message.asks))

    def has_window_of(self, other: DeepBook) -> bool:
        """Return whether the window is the same as that of another book of the pair."""
        return (
            self._bids.window() == other._bids.window()
            and self._asks.window() == other._asks.window()
        )

    @property
    def is_thin(self) -> bool:
        """Whether so few levels are known that a new snapshot is needed soon."""
        wanted = 2 * self._book.depth
        return not (self._bids.has_known(wanted) and self._asks.has_known(wanted))

    def _read(self, levels: TextLevels) -> Sequence[Change]:
        precision = self._precision
        return [read_level(price, qty, precision) for price, qty in levels]
