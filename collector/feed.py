"""All that is followed: which books there are, and which connection carries which.

What is wanted are names and wildcards; which pairs there are, Kraken says on each connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from collector.books import SymbolBook
from collector.budget import Budget
from collector.kraken.connection import Connection
from collector.kraken.frames import Pair
from collector.kraken.lag import LeastDistance
from collector.kraken.session import Session, resync_budget
from collector.settings import CollectorSettings
from collector.stamp import Stamp
from kraken_book.precision import Precision
from service.logs import get_logger
from service.tasks import end_tasks, stop_or_failure

log = get_logger(__name__)

CONNECTS_SECONDS = 600.0
SYMBOLS_SHOWN = 10
# A pair with another status has a book, or may have one again in a moment.
NOT_TRADED = ("delisted", "work_in_progress")


class Feed:
    """The books of one shard, and as many connections as they need.

    `on_joined` is called with each book that is to be followed, `on_left` with the symbol of one
    that is not any more, since its pair is not listed.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        on_joined: Callable[[SymbolBook], object],
        on_left: Callable[[str], object],
    ) -> None:
        self._settings = settings
        self._selection = settings.selection
        self._on_joined = on_joined
        self._on_left = on_left
        self._pairs: dict[str, Pair] = {}
        self._connects = Budget(settings.kraken_connects_per_10_min, CONNECTS_SECONDS)
        self._resyncs = resync_budget()
        self._least_distance = LeastDistance()
        self._by_symbol: dict[str, Connection] = {}
        self._grown = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self._has_list = False
        self.books: dict[str, SymbolBook] = {}
        self.connections: list[Connection] = []
        self._follow_selection()
        if not self.connections:
            # Wildcards alone: the first connection tells what they mean.
            self._connect()

    async def run(self) -> None:
        """Keep every connection going, those to come included, for ever; in the end, `stop` it."""
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

    def read(self, symbol: str) -> Stamp | None:
        """When the newest frame of the symbol's connection was read; None where it is down."""
        connection = self._by_symbol.get(symbol)
        return connection.read if connection is not None else None

    def is_behind(self) -> bool:
        """Whether more comes than can be done, on any connection."""
        return any(connection.is_behind for connection in self.connections)

    def on_instruments(self, pairs: Sequence[Pair], is_all: bool) -> None:
        """Kraken lists these pairs, or these have changed."""
        traded_before = self._traded()
        if is_all and len(pairs) * 2 < len(self._pairs):
            log.warning("a list of half the pairs is not believed", pairs=len(pairs))
        elif is_all:
            self._has_list = True
            self._pairs.clear()
        self._pairs.update((pair.symbol, pair) for pair in pairs)
        # Each connection tells, and often what is known.
        if self._selection.patterns and self._traded() != traded_before:
            self._follow_selection()

    def _traded(self) -> set[str]:
        return {s for s, pair in self._pairs.items() if pair.status not in NOT_TRADED}

    def _follow_selection(self) -> None:
        selected = self._selection.of(self._traded())
        wanted = [symbol for symbol in selected if self._settings.shard.has(symbol)]
        for symbol in self.books.keys() - set(wanted):
            self._leave(symbol)
        joining = [symbol for symbol in wanted if symbol not in self.books]
        for symbol in joining:
            self._join(symbol)
        if joining:
            log.info("symbols join", count=len(joining), among_them=joining[:SYMBOLS_SHOWN])

    def _join(self, symbol: str) -> None:
        settings = self._settings
        book = SymbolBook(symbol, settings.kraken_depth, settings.source)
        if (pair := self._pairs.get(symbol)) is not None:
            book.precision = Precision(pair.price_precision, pair.qty_precision)
            book.pair_status = pair.status
        self.books[symbol] = book
        self._on_joined(book)
        connection = self._by_symbol[symbol] = self._connection_with_room()
        connection.add(book)

    def _leave(self, symbol: str) -> None:
        log.info("symbol is not listed any more, and leaves", symbol=symbol)
        self._by_symbol.pop(symbol).remove(symbol)
        self.books.pop(symbol).refuse("not listed")
        self._on_left(symbol)

    def _connection_with_room(self) -> Connection:
        most = self._settings.kraken_symbols_per_connection
        for connection in self.connections:
            if len(connection.books) < most:
                return connection
        return self._connect()

    def _connect(self) -> Connection:
        name = str(len(self.connections) + 1)
        url = self._settings.kraken_url
        connection = Connection(name, url, self._connects, self._open_session)
        self.connections.append(connection)
        self._grown.set()
        return connection

    def _open_session(self, books: Mapping[str, SymbolBook]) -> Session:
        settings = self._settings
        return Session(
            books,
            settings.kraken_depth,
            settings.kraken_quiet_resync,
            self._resyncs,
            self._least_distance,
            self.on_instruments,
        )
