"""A symbol's order book to a fixed depth, verified by Kraken's checksum.

The rules and the checksum are defined by Kraken's WebSocket v2 `book` channel
(https://docs.kraken.com/api/docs/guides/spot-ws-book-v2): apply every level of a frame, truncate
to the subscribed depth, then compare the CRC-32 of the best ten levels of each side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

from kraken_book.errors import ChecksumMismatch, CrossedBook
from kraken_book.level import Level, make_level, top_json
from kraken_book.precision import Precision, to_text

if TYPE_CHECKING:
    from kraken_book.compiled_side import CompiledSide

__all__ = ["CHECKSUM_LEVELS", "DEPTHS", "AnySide", "Book", "Side"]

AnySide: TypeAlias = "Side | CompiledSide"

CHECKSUM_LEVELS = 10
DEPTHS = (10, 25, 100, 500, 1000)


class Side:
    """The levels of one side, best first.

    Args:
        direction: 1 if the lowest price is best (asks), -1 if the highest price is best (bids).
    """

    __slots__ = ("_direction", "_json", "_keys", "_levels", "_texts", "best", "checksum_text")

    def __init__(self, direction: int) -> None:
        self._direction = direction
        # Three parallel lists, best level first. A key is the ticks times the direction. Lists are
        # faster than a sorted container up to the greatest depth: docs/adr/0001.
        self._keys: list[int] = []
        self._levels: list[Level] = []
        self._texts: list[str] = []
        # Rendered on demand. The best level and the checksum's text are needed after every frame.
        self._json: str | None = None
        self.best: Level | None = None
        """The best level, None if the side is empty."""
        self.checksum_text = b""
        """This side's part of the checksummed text."""

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Level]:
        return iter(self._levels)

    def clear(self) -> None:
        """Remove all levels."""
        self.apply((), 0)

    def apply(self, levels: Iterable[Level], depth: int) -> None:
        """Set or remove `levels` in their order, then truncate to the best `depth` levels."""
        direction = self._direction
        keys, kept, texts = self._keys, self._levels, self._texts
        for level in levels:
            key = level.ticks * direction
            index = bisect_left(keys, key)
            has_price = index < len(keys) and keys[index] == key
            text = level.checksum_text
            if not text:
                if has_price:
                    del keys[index], kept[index], texts[index]
            elif has_price:
                kept[index] = level
                texts[index] = text
            else:
                keys.insert(index, key)
                kept.insert(index, level)
                texts.insert(index, text)
        if len(keys) > depth:
            del keys[depth:], kept[depth:], texts[depth:]
        self.best = kept[0] if kept else None
        self.checksum_text = "".join(texts[:CHECKSUM_LEVELS]).encode()
        self._json = None

    @property
    def json(self) -> str:
        """The side as a JSON array of `["price","qty"]`, best first."""
        if self._json is None:
            self._json = f"[{','.join([level.json for level in self._levels])}]"
        return self._json


class Book:
    """One symbol's bids and asks, at most `depth` levels each, at a fixed precision.

    Args:
        symbol: The symbol.
        depth: The levels of each side that are kept.
        precision: The decimals of prices and quantities.
        make_side: Makes an empty side of a direction.
    """

    __slots__ = (
        *("_top_ask", "_top_bid", "_top_json"),
        *("asks", "bids", "depth", "precision", "symbol"),
    )

    def __init__(
        self,
        symbol: str,
        depth: int,
        precision: Precision,
        make_side: Callable[[int], AnySide] = Side,
    ) -> None:
        self.symbol = symbol
        self.depth = depth
        self.precision = precision
        self.bids = make_side(-1)
        self.asks = make_side(1)
        # Inputs of the cached JSON. Most updates do not change the best levels.
        self._top_bid: Level | None = None
        self._top_ask: Level | None = None
        self._top_json: str | None = None

    def levels(self, pairs: Sequence[tuple[str, str]]) -> list[Level]:
        """Return the levels of price and quantity texts.

        A pair that is impossible at the book's precision raises LevelError.
        """
        if not pairs:
            # Most frames change only one side.
            return []
        precision = self.precision
        return [make_level(price, qty, precision) for price, qty in pairs]

    def replace(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Replace all levels with those of a snapshot."""
        self.bids.clear()
        self.asks.clear()
        self.update(bids, asks)

    def update(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Apply a whole frame: set or remove its levels in order, then truncate to the depth.

        If a price occurs twice, its last level counts.
        """
        if bids:
            self.bids.apply(bids, self.depth)
        if asks:
            self.asks.apply(asks, self.depth)

    def checksum(self) -> int:
        """Return Kraken's checksum: CRC-32 (IEEE), unsigned, of the best ten asks, then bids.

        https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
        """
        return crc32(self.bids.checksum_text, crc32(self.asks.checksum_text))

    def verify(self, checksum: int) -> None:
        """Verify that the book has Kraken's `checksum` and is not crossed.

        Raises:
            ChecksumMismatch: The book has a different checksum.
            CrossedBook: The best bid is not below the best ask.
        """
        computed = self.checksum()
        if computed != checksum:
            raise ChecksumMismatch(f"checksum {checksum} was sent, the book has {computed}")
        bid, ask = self.bids.best, self.asks.best
        if bid is not None and ask is not None and bid.ticks >= ask.ticks:
            raise CrossedBook(f"best bid {bid.price} is not below best ask {ask.price}")

    @property
    def spread(self) -> str | None:
        """The best ask minus the best bid at price precision, None if a side is empty."""
        bid, ask = self.bids.best, self.asks.best
        if bid is None or ask is None:
            return None
        return _spread_text(ask.ticks - bid.ticks, self.precision.price)

    @property
    def top_json(self) -> str:
        """The best bid, best ask and spread as members of an event's JSON."""
        bid, ask = self.bids.best, self.asks.best
        if self._top_json is None or bid is not self._top_bid or ask is not self._top_ask:
            self._top_bid, self._top_ask = bid, ask
            self._top_json = top_json(bid, ask, self.spread)
        return self._top_json


# A few spreads make up most of all.
_spread_text = lru_cache(maxsize=4096)(to_text)
