"""What people see of a collector in Redis: `kraken:feed`, and no leftovers of earlier settings."""

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
from collector.lead.overlap import Rivals
from collector.metrics import (
    CONNECTIONS,
    MISMATCHES,
    RECONNECTS,
    RESYNCS,
    SYMBOLS,
    VERIFIED,
    counts_by_label,
)
from collector.report.troubles import Troubles
from collector.settings import Shard
from kraken_book.contract.keys import FEED, book_key, events_key
from kraken_book.contract.keys import SYMBOLS as SYMBOLS_KEY
from kraken_book.contract.symbol_state import SymbolStatus
from kraken_book.timestamps import rfc3339
from runtime.logs import get_logger
from runtime.redis.errors import Reason, describe
from runtime.redis.nodes import Nodes

log = get_logger(__name__)

REPORT_SECONDS = 1.0
# So long a symbol that has left can still be read, with the word that it has.
CLEAR_SECONDS = 5.0


class Reporter:
    """Writes the shard's field of `kraken:feed` while it leads."""

    def __init__(
        self,
        nodes: Nodes,
        shard: Shard,
        feed: Feed,
        lease: Lease,
        troubles: Troubles | None = None,
    ) -> None:
        self._nodes = nodes
        self._shard = shard
        self._feed = feed
        self._lease = lease
        self._troubles = troubles or Troubles()
        self._rivals = Rivals(nodes, shard, self._troubles)
        self._clear_at = 0.0
        # What was removed while we lead.
        self._gone: set[str] = set()

    def describe(self) -> dict[str, object]:
        """How this collector stands, for /healthz and `kraken:feed`."""
        statuses = Counter(book.status for book in self._feed.books.values())
        for status in get_args(SymbolStatus):
            SYMBOLS.labels(status).set(statuses[status])
        states = Counter(connection.state for connection in self._feed.connections)
        for state in ConnectionState:
            CONNECTIONS.labels(state.value).set(states[state])
        return {
            "leader": {"host": socket.gethostname(), "pid": os.getpid()},
            "epoch": self._lease.epoch,
            "waits_for": self._lease.waits_for,
            "at": rfc3339(timestamp_now().unix),
            "redis": self._troubles.describe(),
            "symbols": dict(statuses),
            "verified": counts_by_label(VERIFIED),
            "mismatches": counts_by_label(MISMATCHES),
            "resyncs": counts_by_label(RESYNCS),
            "reconnects": counts_by_label(RECONNECTS),
            "connections": [connection.describe() for connection in self._feed.connections],
        }

    async def run(self) -> None:
        """Report every second, for ever."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            report = msgspec.json.encode(self.describe())
            if self._lease.epoch is None:
                # Whoever leads may follow what we did not.
                self._gone.clear()
                continue
            await self._write(report)
            try:
                await self._clear_leftovers()
            except (RedisError, OSError) as error:
                # The publisher says that Redis is away, or what is wrong with `kraken:symbols`.
                log.debug("leftovers not removed", error=str(error))

    async def _write(self, report: bytes) -> None:
        try:
            await self._nodes.call(FEED, "HSET", FEED, str(self._shard), report)
        except (RedisError, OSError) as error:
            if describe(error).reason is Reason.WRONG_TYPE:
                self._troubles.say_corrupt(FEED, "is no hash")
            else:
                # The publisher says that Redis is away; a report is only for people.
                log.debug("no report", error=str(error))
        else:
            self._troubles.over(FEED, "redis writes this again")

    async def _clear_leftovers(self) -> None:
        """Remove, now and then, what earlier settings have left of this shard's share."""
        if monotonic() < self._clear_at:
            return
        await self._rivals.forget_unled()
        # Before Kraken has said what wildcards mean, nothing is known to be gone.
        if self._feed.knows_what_it_follows:
            await self._clear_symbols()
        self._clear_at = monotonic() + CLEAR_SECONDS

    async def _clear_symbols(self) -> None:
        fields = cast("list[bytes]", await self._nodes.call(SYMBOLS_KEY, "HKEYS", SYMBOLS_KEY))
        names = []
        for field in fields:
            try:
                names.append(field.decode())
            except UnicodeDecodeError:
                log.warning("field is no symbol, removing it", key=SYMBOLS_KEY, field=repr(field))
                await self._nodes.call(SYMBOLS_KEY, "HDEL", SYMBOLS_KEY, field)
        gone = {name for name in names if self._shard.has(name)} - self._feed.books.keys()
        for symbol in gone:
            log.info("symbol is followed no more, removing its book", symbol=symbol)
        # A leader that hung, and does not know yet that it leads no more, writes once again.
        self._gone = (self._gone | gone) - self._feed.books.keys()
        for symbol in self._gone:
            book, events = book_key(symbol), events_key(symbol)
            await self._nodes.call(book, "UNLINK", book, events)
            await self._nodes.call(SYMBOLS_KEY, "HDEL", SYMBOLS_KEY, symbol)
