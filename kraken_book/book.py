"""A symbol's order book to a fixed depth, and the proof that it is Kraken's.

The rules and the checksum are those of Kraken's WebSocket v2 `book` channel
(https://docs.kraken.com/api/docs/guides/spot-ws-book-v2): apply every level of a frame, truncate
to the subscribed depth, then compare the CRC-32 of the best ten levels of each side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from zlib import crc32

from kraken_book.errors import ChecksumMismatch, CrossedBook
from kraken_book.level import Level, make_level, top_json
from kraken_book.precision import Precision, to_text

CHECKSUM_LEVELS = 10
DEPTHS = (10, 25, 100, 500, 1000)


class Side:
    """The levels of one side, best first.

    `direction` is 1 if the lowest price is best (asks), -1 if the highest is (bids).
    """

    __slots__ = ("_direction", "_json", "_keys", "_levels", "_texts", "best", "checksum_text")

    def __init__(self, direction: int) -> None:
        self._direction = direction
        # Three lists in step, best level first; a key is ticks times direction. Up to the deepest
        # book they are faster than a sorted container: docs/adr/0001.
        self._keys: list[int] = []
        self._levels: list[Level] = []
        self._texts: list[str] = []
        # Made when it is asked for; what follows is asked for after every frame.
        self._json: str | None = None
        self.best: Level | None = None
        """The best level, None if the side is empty."""
        self.checksum_text = b""
        """What this side adds to the checksummed text."""

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Level]:
        return iter(self._levels)

    def clear(self) -> None:
        """Remove all levels."""
        self.apply((), 0)

    def apply(self, levels: Iterable[Level], depth: int) -> None:
        """Set or remove `levels` in their order, then keep the best `depth`."""
        direction = self._direction
        keys, its, texts = self._keys, self._levels, self._texts
        for level in levels:
            key = level.ticks * direction
            index = bisect_left(keys, key)
            is_there = index < len(keys) and keys[index] == key
            text = level.checksum_text
            if not text:
                if is_there:
                    del keys[index], its[index], texts[index]
            elif is_there:
                its[index] = level
                texts[index] = text
            else:
                keys.insert(index, key)
                its.insert(index, level)
                texts.insert(index, text)
        if len(keys) > depth:
            del keys[depth:], its[depth:], texts[depth:]
        self.best = its[0] if its else None
        self.checksum_text = "".join(texts[:CHECKSUM_LEVELS]).encode()
        self._json = None

    @property
    def json(self) -> str:
        """The side as a JSON array of `["price","qty"]`, best first."""
        if self._json is None:
            self._json = f"[{','.join([level.json for level in self._levels])}]"
        return self._json


class Book:
    """One symbol's bids and asks, each at most `depth` levels, at fixed precisions."""

    __slots__ = (
        *("_top_ask", "_top_bid", "_top_json"),
        *("asks", "bids", "depth", "precision", "symbol"),
    )

    def __init__(self, symbol: str, depth: int, precision: Precision) -> None:
        self.symbol = symbol
        self.depth = depth
        self.precision = precision
        self.bids = Side(-1)
        self.asks = Side(1)
        # What the JSON was last made of: most updates leave the best levels as they are.
        self._top_bid: Level | None = None
        self._top_ask: Level | None = None
        self._top_json: str | None = None

    def levels(self, pairs: Sequence[tuple[str, str]]) -> list[Level]:
        """Return the levels of price and quantity texts.

        Raises:
            LevelError: One makes no sense at the book's precision.
        """
        if not pairs:
            # As of one side of most frames.
            return []
        precision = self.precision
        return [make_level(price, qty, precision) for price, qty in pairs]

    def replace(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Replace all levels by those of a snapshot."""
        self.bids.clear()
        self.asks.clear()
        self.update(bids, asks)

    def update(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Apply one whole frame: its levels in order, then truncate to the depth.

        If a price comes twice, the last one counts.
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
        """Check that this is a possible book with Kraken's `checksum`.

        Raises:
            ChecksumMismatch: The book has another checksum.
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
        """Best ask less best bid at price precision, None if a side is empty."""
        bid, ask = self.bids.best, self.asks.best
        if bid is None or ask is None:
            return None
        return _spread_text(ask.ticks - bid.ticks, self.precision.price)

    @property
    def top_json(self) -> str:
        """Best bid, best ask and spread, as they stand in the JSON of an event."""
        bid, ask = self.bids.best, self.asks.best
        if self._top_json is None or bid is not self._top_bid or ask is not self._top_ask:
            self._top_bid, self._top_ask = bid, ask
            self._top_json = top_json(bid, ask, self.spread)
        return self._top_json


# Few spreads are common: found so in a tenth of the time.
_spread_text = lru_cache(maxsize=4096)(to_text)
