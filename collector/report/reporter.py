"""The report of a collector in `<venue>:feed`, and the removal of keys of earlier settings."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from time import monotonic
from typing import cast, get_args

import msgspec
from redis.exceptions import RedisError

from collector.feed.feed import Feed
from collector.feed.timestamp import timestamp_now
from collector.feed.venue import ConnectionState
from collector.lead.lease import Lease
from collector.lead.overlap import OverlappingShards
from collector.lead.venue_list import VenueList
from collector.metrics import (
    CONNECTIONS,
    MISMATCHES,
    RECONNECTS,
    RESYNCS,
    SYMBOLS,
    VERIFIED,
    counts_by_label,
)
from collector.publish.leadership import Leadership
from collector.publish.troubles import Troubles
from collector.settings import Shard
from collector.tape.recorder import TapeRecorder
from kraken_book import __version__
from kraken_book.contract.keys import book_key, events_key, feed_key, symbols_key
from kraken_book.contract.symbol_state import SymbolStatus
from kraken_book.contract.version import CONTRACT
from kraken_book.symbols import KRAKEN, symbol_of
from kraken_book.timestamps import rfc3339
from runtime.logs import get_logger
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

REPORT_INTERVAL = 1.0
# For about this time, readers can see the last status of a symbol that was removed.
CLEAR_INTERVAL = 5.0


class Reporter:
    """Writes the shard's field of `<venue>:feed`, and removes unused keys, while it leads.

    Args:
        nodes: The nodes of Redis.
        shard: This collector's share of the symbols.
        feed: The books and connections to report.
        leadership: Whether this collector leads.
        lease: The lease, which knows the leader that this collector waits for.
        troubles: Receives the errors of Redis, and is reported.
        tape: The tape, which is reported; None if there is none.
        report_interval: Seconds between two reports.
        clear_interval: Seconds between two removals of unused keys.
        venue: The venue of the feed.
    """

    def __init__(
        self,
        nodes: Nodes,
        shard: Shard,
        feed: Feed,
        leadership: Leadership,
        lease: Lease,
        troubles: Troubles | None = None,
        tape: TapeRecorder | None = None,
        report_interval: float = REPORT_INTERVAL,
        clear_interval: float = CLEAR_INTERVAL,
        venue: str = KRAKEN,
    ) -> None:
        self._venue = venue
        self._feed_key, self._symbols_key = feed_key(venue), symbols_key(venue)
        self._nodes = nodes
        self._shard = shard
        self._feed = feed
        self._leadership = leadership
        self._lease = lease
        self._troubles = troubles or Troubles()
        self._tape = tape
        self._overlapping = OverlappingShards(nodes, shard, self._troubles, venue)
        self._venue_list = VenueList(nodes, venue, self._troubles)
        self._report_interval = report_interval
        self._clear_interval = clear_interval
        self._clear_at = 0.0
        # Pairs that were removed since this collector began to lead.
        self._gone: set[str] = set()

    def describe(self) -> dict[str, object]:
        """Return the state of this collector, for /healthz and `<venue>:feed`."""
        return {
            "version": __version__,
            "contract": str(CONTRACT),
            "venue": self._venue,
            "leader": {"host": socket.gethostname(), "pid": os.getpid()},
            "epoch": self._leadership.epoch,
            "waits_for": self._lease.waits_for,
            "at": rfc3339(timestamp_now().unix),
            "redis": self._troubles.describe(),
            "tape": self._tape.describe() if self._tape else None,
            "symbols": dict(self._count_statuses()),
            "verified": counts_by_label(VERIFIED),
            "mismatches": counts_by_label(MISMATCHES),
            "resyncs": counts_by_label(RESYNCS),
            "reconnects": counts_by_label(RECONNECTS),
            "connections": [connection.describe() for connection in self._feed.connections],
        }

    def set_gauges(self) -> None:
        """Set the gauges of books by status and of connections by state."""
        statuses = self._count_statuses()
        for status in get_args(SymbolStatus):
            SYMBOLS.labels(status).set(statuses[status])
        states = Counter(connection.state for connection in self._feed.connections)
        for state in ConnectionState:
            CONNECTIONS.labels(state.value).set(states[state])

    def _count_statuses(self) -> Counter[SymbolStatus]:
        return Counter(book.status for book in self._feed.books.values())

    async def run(self) -> None:
        """Report at every interval until the task is cancelled."""
        while True:
            await asyncio.sleep(self._report_interval)
            if not self._leadership.is_leading:
                # Another leader may follow symbols that this collector removed.
                self._gone.clear()
                continue
            await self._write(msgspec.json.encode(self.describe()))
            await self._venue_list.add()
            try:
                await self._clear_unused()
            except (RedisError, OSError) as error:
                # The publisher logs an outage, and errors of `<venue>:symbols`.
                log.debug("unused keys not removed", error=str(error))

    async def _write(self, report: bytes) -> None:
        try:
            await self._nodes.call(self._feed_key, "HSET", self._feed_key, str(self._shard), report)
        except (RedisError, OSError) as error:
            if describe(error).reason is Reason.WRONG_TYPE:
                self._troubles.begin_corrupt(self._feed_key, "is no hash")
            else:
                # The publisher logs an outage, and no program needs a report.
                log.debug("report not written", error=str(error))
        else:
            self._troubles.end(self._feed_key)

    async def _clear_unused(self) -> None:
        """Remove keys of this shard that earlier settings have left, once every interval."""
        if monotonic() < self._clear_at:
            return
        await self._overlapping.forget_unled()
        # While the wildcards are not resolved, no symbol is known to be unused.
        if self._feed.knows_what_it_follows:
            await self._clear_symbols()
        self._clear_at = monotonic() + self._clear_interval

    async def _clear_symbols(self) -> None:
        fields = cast(
            "list[bytes]", await self._nodes.call(self._symbols_key, "HKEYS", self._symbols_key)
        )
        names = []
        for field in fields:
            try:
                names.append(field.decode())
            except UnicodeDecodeError:
                log.warning("removing invalid symbol", key=self._symbols_key, field=repr(field))
                await self._nodes.call(self._symbols_key, "HDEL", self._symbols_key, field)
        gone = {name for name in names if self._shard.has(name)} - self._feed.books.keys()
        for pair in gone:
            symbol = symbol_of(self._venue, pair)
            log.info("symbol not followed any more, removing its book", symbol=symbol)
        # Remove these keys each time, because a former leader that hung may write them once more.
        self._gone = (self._gone | gone) - self._feed.books.keys()
        for pair in self._gone:
            symbol = symbol_of(self._venue, pair)
            book, events = book_key(symbol), events_key(symbol)
            await self._nodes.call(book, "UNLINK", book, events)
            await self._nodes.call(self._symbols_key, "HDEL", self._symbols_key, pair)
