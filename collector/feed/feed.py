"""Which books are followed, and which connection carries which.

Names and wildcards say which books are wanted; each connection says which pairs the venue lists.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence

from collector.feed.books import SymbolBook
from collector.feed.link import FeedLoad
from collector.feed.venue import Instrument, Venue, VenueConnection
from collector.settings import Shard
from kraken_book.selection import Selection
from runtime.limited_log import LimitedLog
from runtime.logs import get_logger
from runtime.service import end_tasks, stop_or_failure

log = get_logger(__name__)

SYMBOLS_SHOWN = 10
# Kraken lists some 1,500 pairs. Any beyond this number are not remembered.
MAX_PAIRS = 20_000


class Feed:
    """The books of one shard, and as many connections as they need.

    Args:
        venue: Opens the connections.
        selection: Which symbols are wanted, of all shards.
        shard: Which of them are followed here.
        max_symbols: How many books wildcards may bring.
        load: Told of each connection's link.
        on_joined: Called with each book that is followed from then on.
        on_left: Called with the symbol of each book that is not followed any more, because its
            pair is not listed.
    """

    def __init__(
        self,
        venue: Venue,
        selection: Selection,
        shard: Shard,
        max_symbols: int,
        load: FeedLoad,
        on_joined: Callable[[SymbolBook], object],
        on_left: Callable[[str], object],
    ) -> None:
        self._venue = venue
        self._selection = selection
        self._shard = shard
        self._max_symbols = max_symbols
        self._load = load
        self._on_joined = on_joined
        self._on_left = on_left
        self._pairs: dict[str, Instrument] = {}
        # The last list that was not believed, until it comes again.
        self._doubted_list: frozenset[str] = frozenset()
        self._by_symbol: dict[str, int] = {}
        # Numbers of the connections that can carry more books, the lowest first.
        self._with_room: list[int] = []
        self._grown = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self._has_list = False
        # A venue can have these repeated without end.
        self._log = LimitedLog(log)
        self.books: dict[str, SymbolBook] = {}
        self.connections: list[VenueConnection] = []
        self._join_all(self._selection.of(()))
        if not self.connections:
            # Wildcards alone: the first connection tells what they mean.
            self._connect()

    async def run(self) -> None:
        """Keep every connection going, also those to come, forever; `stop` ends them."""
        while True:
            self._grown.clear()
            new = self.connections[len(self._running) :]
            self._running += [asyncio.create_task(connection.run()) for connection in new]
            await stop_or_failure(self._grown, self._running)
            for task in self._running:
                if task.done():
                    task.result()

    async def stop(self) -> None:
        """End every connection."""
        await end_tasks(self._running)

    @property
    def knows_what_it_follows(self) -> bool:
        """Whether what the wildcards mean is known."""
        return self._has_list or not self._selection.patterns

    def on_instruments(self, pairs: Sequence[Instrument], is_all: bool) -> bool:
        """Note that the venue lists these pairs, or that these have changed.

        Args:
            pairs: Pairs that are listed.
            is_all: Whether they are all that are listed.

        Returns:
            Whether the list is believed. A list of less than half the pairs is not, until the same
            pairs come again.
        """
        if is_all and not self._believes(pairs):
            return False
        if is_all:
            self._has_list = True
            gone = self._pairs.keys() - {pair.symbol for pair in pairs}
            for symbol in gone:
                del self._pairs[symbol]
        else:
            gone = set()
        for pair in pairs:
            if pair.symbol in self._pairs or len(self._pairs) < MAX_PAIRS:
                self._pairs[pair.symbol] = pair
        # Each connection tells, and often what is known.
        if self._selection.patterns:
            self._follow([*gone, *(pair.symbol for pair in pairs)])
        return True

    def _believes(self, pairs: Sequence[Instrument]) -> bool:
        listed = frozenset(pair.symbol for pair in pairs)
        if len(listed) * 2 < len(self._pairs) and listed != self._doubted_list:
            self._doubted_list = listed
            self._log.warning(
                "list of less than half the pairs doubted, asking again", pairs=len(listed)
            )
            return False
        self._doubted_list = frozenset()
        return True

    def _follow(self, changed: Iterable[str]) -> None:
        """Have symbols of `changed` that wildcards match join, or leave if they are not traded."""
        joining = []
        for symbol in dict.fromkeys(changed):
            is_traded = self._is_traded(symbol)
            if symbol in self.books:
                if not is_traded and symbol not in self._selection.names:
                    self._leave(symbol)
            elif is_traded and self._pairs[symbol].precision is not None:
                joining.append(symbol)
        if joining:
            self._join_all(self._selection.of(joining))

    def _is_traded(self, symbol: str) -> bool:
        pair = self._pairs.get(symbol)
        return pair is not None and pair.is_traded

    def _join_all(self, selected: Iterable[str]) -> None:
        names, left_out = self._selection.names, 0
        joining = []
        for symbol in selected:
            if symbol in self.books or not self._shard.has(symbol):
                continue
            if symbol not in names and len(self.books) >= self._max_symbols:
                left_out += 1
                continue
            self._join(symbol)
            joining.append(symbol)
        if joining:
            self._log.info("symbols join", count=len(joining), among_them=joining[:SYMBOLS_SHOWN])
        if left_out:
            self._log.warning(
                "more symbols than KRAKEN_MAX_SYMBOLS, the others are left out",
                followed=len(self.books),
                left_out=left_out,
            )

    def _join(self, symbol: str) -> None:
        venue = self._venue
        if not self._with_room:
            self._connect()
        number = self._by_symbol[symbol] = self._with_room[0]
        connection = self.connections[number]
        book = SymbolBook(symbol, venue.depth, venue.source, connection.link)
        if (pair := self._pairs.get(symbol)) is not None:
            book.precision = pair.precision
            book.pair_status = pair.status
        self.books[symbol] = book
        self._on_joined(book)
        connection.add(book)
        if len(connection.books) >= venue.symbols_per_connection:
            heapq.heappop(self._with_room)

    def _leave(self, symbol: str) -> None:
        self._log.info("symbol is not listed any more, and leaves", symbol=symbol)
        number = self._by_symbol.pop(symbol)
        connection = self.connections[number]
        if len(connection.books) >= self._venue.symbols_per_connection:
            heapq.heappush(self._with_room, number)
        connection.remove(symbol)
        self.books.pop(symbol).refuse("not listed")
        self._on_left(symbol)

    def _connect(self) -> None:
        number = len(self.connections)
        connection = self._venue.open_connection(str(number + 1), self.on_instruments)
        self.connections.append(connection)
        self._load.add(connection.link)
        heapq.heappush(self._with_room, number)
        self._grown.set()
