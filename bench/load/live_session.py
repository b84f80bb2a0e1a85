"""A session with one live book whose events wait, without a connection and without Redis."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bench.suite import MeasureFailed
from collector.feed.books import SymbolBook
from collector.feed.budget import SharedBudget
from collector.feed.hot_path import HotPath
from collector.feed.lag import LagMemory
from collector.feed.timestamp import timestamp_now
from collector.publish.event_queue import EventQueue, QueueLimit
from collector.venues.kraken.session import KrakenSession
from kraken_book.precision import Precision

MAX_WAITING = 100_000


class LiveSession:
    """A session of Kraken that follows one book, on one path of a frame.

    Args:
        path: The pure or the compiled path.
        symbol: The symbol of all frames.
        precision: Its decimals.
        depth: The depth of its book.

    """

    def __init__(self, path: HotPath, symbol: str, precision: Precision, depth: int) -> None:
        self._book = SymbolBook(symbol, depth, "simulated", path=path)
        self._queue = EventQueue(self._book, QueueLimit(MAX_WAITING), lambda: None)
        self._queue.open(1)
        self._session = KrakenSession(
            {symbol: self._book},
            depth,
            3600.0,
            SharedBudget(10, 10.0).join(),
            LagMemory(),
            lambda _pairs, _is_all: True,
            path,
        )
        self._session.open(0.0)
        pair = {
            "symbol": symbol,
            "price_precision": precision.price,
            "qty_precision": precision.qty,
            "qty_increment": 1e-08,
        }
        pairs = {
            "channel": "instrument",
            "type": "snapshot",
            "data": {"assets": [], "pairs": [pair]},
        }
        result = {"channel": "book", "depth": depth, "snapshot": True, "symbol": symbol}
        answer = {"method": "subscribe", "result": result, "success": True}
        self.process([json.dumps(each).encode() for each in (pairs, answer)])

    def process(self, messages: list[bytes]) -> None:
        """Process messages that were read together, as a connection does."""
        session, read_at, at = self._session, timestamp_now(), 0
        while at < len(messages):
            at = session.take_plain(messages, at, read_at)
            if at < len(messages):
                for _ in session.begin(messages[at], read_at) or ():
                    pass
                at += 1

    def begin_book(self, snapshot: bytes) -> None:
        """Replace the book, and drop the events that wait."""
        self.process([snapshot])
        self._drain()

    def take_events(self, updates: Sequence[bytes]) -> None:
        """Drop the events that wait; raise MeasureFailed unless each update made one."""
        events = self._drain()
        if not self._book.is_live or events != len(updates):
            raise MeasureFailed(f"{len(updates)} updates made {events} events")

    def _drain(self) -> int:
        events = 0
        while (batch := self._queue.take_batch()) is not None:
            events += sum(len(run.data) for run in batch.runs)
        return events
