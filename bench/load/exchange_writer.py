"""All books of an exchange in Redis, written as a collector writes them, at any rate.

Every book is the same market under another name, with prepared events of real size.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from time import time_ns

from bench.load.flood import symbols_of
from bench.load.market_events import MarketEvent, MarketEvents, stamped
from bench.load.publishers import RETENTION, RedisPublisher, packed
from kraken_book.contract.book_hash import BOOK_FIELDS, Values
from kraken_book.contract.keys import SYMBOLS, WAKE, WAKE_MAXLEN
from kraken_book.contract.script import WRITE
from kraken_book.contract.symbol_state import SymbolState, encode_symbol_state
from kraken_book.contract.write import EventEntry, WriteCall, touch_book, write_events
from kraken_book.timestamps import rfc3339
from simulator.market.catalogue import profile_of

_BEGUN_AT_ONCE = 100


class ExchangeWriter(RedisPublisher):
    """Writes books, each in proportion to its market's weight.

    Attributes:
        symbols: All symbols, the busiest first.
        moved: The number of updates written of each symbol.

    """

    def __init__(self, socket_path: Path, market: MarketEvents, books: int) -> None:
        super().__init__(socket_path, market.epoch)
        self._market = market
        weights = {symbol: profile_of(symbol).weight for symbol in symbols_of(books)}
        self.symbols = sorted(weights, key=lambda symbol: -weights[symbol])
        self._bounds = list(accumulate(weights[symbol] for symbol in self.symbols))
        self._rng = random.Random(1)
        self.moved: Counter[str] = Counter()

    def begin_all(self) -> None:
        """Announce every book and write its snapshot."""
        state = encode_symbol_state(SymbolState("live", None, "simulated", "0/1", 10, 1, 8))
        for first in range(0, len(self.symbols), _BEGUN_AT_ONCE):
            symbols = self.symbols[first : first + _BEGUN_AT_ONCE]
            entry, values = self._market.snapshot, self._market.values
            self._call([packed("HSET", SYMBOLS, symbol, state) for symbol in symbols])
            self._flush(
                [
                    self._write_of(s, [EventEntry("snapshot", 1, _named(s, entry))], values)
                    for s in symbols
                ]
            )

    def flush(self, events: int) -> None:
        """Write `events` updates of random books, and one wake."""
        drawn = Counter(self._rng.choices(self.symbols, cum_weights=self._bounds, k=events))
        self._flush([self._next_of(symbol, count) for symbol, count in drawn.items()])

    def touch_all(self) -> None:
        """Confirm every book, as a collector does each second for books without updates."""
        now = rfc3339(time_ns())
        calls = [
            touch_book(symbol, self._market.epoch, now, RETENTION, 1 + self.moved[symbol])
            for symbol in self.symbols
        ]
        self._call([_packed(call) for call in calls])

    def _next_of(self, symbol: str, count: int) -> WriteCall:
        """Return a call with the next updates of a book."""
        first = self.moved[symbol]
        updates: Sequence[MarketEvent] = self._market.updates[first : first + count]
        assert len(updates) == count, f"too few updates were prepared for {symbol}"
        self.moved[symbol] += count
        entries = [
            EventEntry("update", each.seq, _named(symbol, stamped(each))) for each in updates
        ]
        return self._write_of(symbol, entries, updates[-1].values)

    def _write_of(self, symbol: str, entries: list[EventEntry], values: Values) -> WriteCall:
        named = list(values)
        named[BOOK_FIELDS.index("symbol")] = symbol
        now = rfc3339(time_ns())
        epoch = self._market.epoch
        return write_events(symbol, epoch, now, RETENTION, entries, named, is_book=True)

    def _flush(self, calls: Sequence[WriteCall]) -> None:
        names = ",".join(call.symbol for call in calls)
        wake = packed("XADD", WAKE, "MAXLEN", "~", WAKE_MAXLEN, "*", "s", names)
        self._call([*map(_packed, calls), wake])


def _packed(call: WriteCall) -> bytes:
    return packed("EVALSHA", WRITE.sha, *call.arguments)


def _named(symbol: str, event: bytes) -> bytes:
    """Return an event of the market with this symbol in it."""
    _, comma, rest = event.partition(b",")
    return b'{"symbol":"%b"' % symbol.encode() + comma + rest
