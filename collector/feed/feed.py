"""The books of a shard, distributed over connections.

The selection has names and wildcards. Wildcards are resolved with the pairs that the venue lists,
which each connection reports.
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
# Further pairs are not remembered. Venues list some thousand at most.
MAX_PAIRS = 20_000


class Feed:
    """The books of one shard, and as many connections as they need.

    Args:
        venue: Opens the connections.
        selection: The symbols that all shards follow together.
        shard: The share of them that is followed here.
        max_symbols: Wildcards add books up to this number.
        load: Receives the link of each connection.
        on_joined: Called with each book that is added.
        on_left: Called with the name of each book that is removed, because its pair is not traded.

    Attributes:
        books: The books that are followed, by symbol.
        connections: The connections that carry them.
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
        # The last list that was rejected; it is accepted if it comes again.
        self._doubted_list: frozenset[str] = frozenset()
        self._by_symbol: dict[str, int] = {}
        # A heap of the numbers of the connections that can carry more books.
        self._with_room: list[int] = []
        self._grown = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self._working: list[asyncio.Task[None]] = []
        self._has_list = False
        # A venue can cause any number of these lines.
        self._log = LimitedLog(log)
        self.books: dict[str, SymbolBook] = {}
        self.connections: list[VenueConnection] = []
        self._join_all(self._selection.of(()))
        if not self.connections and venue.lists_on_connections:
            # Wildcards need a connection, which receives the list of pairs.
            self._connect()

    async def run(self) -> None:
        """Run every connection, including new ones, until one fails; `stop` ends them."""
        self._working = [
            asyncio.create_task(each) for each in self._venue.work(self.on_instruments)
        ]
        while True:
            self._grown.clear()
            new = self.connections[len(self._running) :]
            self._running += [asyncio.create_task(connection.run()) for connection in new]
            tasks = [*self._working, *self._running]
            await stop_or_failure(self._grown, tasks)
            for task in tasks:
                if task.done():
                    task.result()

    async def stop(self) -> None:
        """End every connection."""
        await end_tasks([*self._working, *self._running])

    @property
    def knows_what_it_follows(self) -> bool:
        """Whether the wildcards have been resolved, if the selection has any."""
        return self._has_list or not self._selection.patterns

    def on_instruments(self, pairs: Sequence[Instrument], is_all: bool) -> bool:
        """Add and remove books as the venue's list of pairs requires.

        Args:
            pairs: Pairs of the venue's list.
            is_all: Whether this is the whole list, not a change of it.

        Returns:
            Whether the list was accepted. A list of less than half the known pairs is rejected,
            unless it is the same as the one rejected before.
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
        # Each connection reports the list, so most of it is known.
        if self._selection.patterns:
            self._follow([*gone, *(pair.symbol for pair in pairs)])
        return True

    def _believes(self, pairs: Sequence[Instrument]) -> bool:
        listed = frozenset(pair.symbol for pair in pairs)
        if len(listed) * 2 < len(self._pairs) and listed != self._doubted_list:
            self._doubted_list = listed
            self._log.warning(
                "instrument list shrank by more than half, ignored",
                known=len(self._pairs),
                listed=len(listed),
            )
            return False
        self._doubted_list = frozenset()
        return True

    def _follow(self, changed: Iterable[str]) -> None:
        """Add symbols of `changed` that wildcards match; remove those that are not traded."""
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
            self._log.info("symbols added", count=len(joining), first=joining[:SYMBOLS_SHOWN])
        if left_out:
            self._log.warning(
                "symbol limit reached, symbols left out",
                followed=len(self.books),
                left_out=left_out,
            )

    def _join(self, symbol: str) -> None:
        venue = self._venue
        if not self._with_room:
            self._connect()
        number = self._by_symbol[symbol] = self._with_room[0]
        connection = self.connections[number]
        book = SymbolBook(
            symbol,
            venue.depth,
            venue.source,
            connection.link,
            venue=venue.name,
            proof=venue.proof,
        )
        if (pair := self._pairs.get(symbol)) is not None:
            book.precision = pair.precision
            book.pair_status = pair.status
        self.books[symbol] = book
        self._on_joined(book)
        connection.add(book)
        if len(connection.books) >= venue.symbols_per_connection:
            heapq.heappop(self._with_room)

    def _leave(self, symbol: str) -> None:
        self._log.info("symbol not traded, removed", symbol=symbol)
        number = self._by_symbol.pop(symbol)
        connection = self.connections[number]
        if len(connection.books) >= self._venue.symbols_per_connection:
            heapq.heappush(self._with_room, number)
        connection.remove(symbol)
        book = self.books.pop(symbol)
        book.refuse("not listed")
        self._on_left(book.name)

    def _connect(self) -> None:
        number = len(self.connections)
        connection = self._venue.open_connection(str(number + 1), self.on_instruments)
        self.connections.append(connection)
        self._load.add(connection.link)
        heapq.heappush(self._with_room, number)
        self._grown.set()
