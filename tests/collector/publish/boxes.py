"""A book with its writer, fed by tests, and a parser of its calls."""

from __future__ import annotations

import json
from typing import Any, cast

from collector.feed.books import SymbolBook
from collector.feed.link import Link
from collector.feed.timestamp import Timestamp, timestamp_now
from collector.publish.event_queue import MAX_EVENTS, EventQueue, QueueLimit
from collector.publish.redis_clock import RedisClock
from collector.publish.symbol_writer import SymbolWriter
from collector.publish.tuning import Tuning
from kraken_book.contract.book_hash import BOOK_FIELDS, STATUS_FIELDS
from kraken_book.contract.write import EventEntry, Retention, WriteCall
from kraken_book.event import Kind
from kraken_book.level import Level, make_level
from kraken_book.precision import Precision
from lab.naive_book import NaiveBook, TextLevel

RETENTION = Retention(300_000, 20_000)
PRECISION = Precision(1, 8)
CONFIRMED_AT = "2026-08-02T03:35:51.660084Z"


def levels(*pairs: TextLevel) -> list[Level]:
    """Return levels of these prices and quantities, at the precision of the boxes' books."""
    return [make_level(price, qty, PRECISION) for price, qty in pairs]


class StoppedClock(RedisClock):
    """A clock of Redis that always shows `CONFIRMED_AT`."""

    def text(self, moment: Timestamp) -> str:  # noqa: ARG002
        return CONFIRMED_AT


class Clock:
    """A steady clock that tests set."""

    def __init__(self) -> None:
        self.now = 5_000.0

    def __call__(self) -> float:
        return self.now


class Scheduled:
    """A node's writer that counts the calls of `schedule`."""

    def __init__(self) -> None:
        self.count = 0

    def schedule(self, writer: SymbolWriter) -> None:  # noqa: ARG002
        self.count += 1

    def remove(self, symbol: str) -> None:
        raise AssertionError(f"{symbol} is not removed in these tests")


class Box:
    """A symbol's book and its writer; tests feed it frames with correct checksums."""

    def __init__(
        self,
        symbol: str = "BTC/USD",
        source: str = "simulated",
        max_events: int = MAX_EVENTS,
        depth: int = 10,
        link: Link | None = None,
    ) -> None:
        self.naive = NaiveBook(depth)
        self.scheduled = Scheduled()
        self.clock = Clock()
        self.book = SymbolBook(symbol, depth, source, link)
        self.book.precision = PRECISION
        self.book.link.last_frame_at = timestamp_now()
        self.limit = QueueLimit()
        self.limit.max_events = max_events
        self.writer = SymbolWriter(
            self.book, self.scheduled, self.limit, RETENTION, Tuning(), self.clock
        )
        self.updates = 0

    @property
    def queue(self) -> EventQueue:
        """The events that wait."""
        return self.writer.queue

    def snapshot(self, read: Timestamp | None = None) -> None:
        """Apply a snapshot."""
        self.naive.snapshot([("100.0", "1.00000000")], [("101.0", "1.00000000")])
        self.book.take_snapshot(
            levels(*self.naive.bids),
            levels(*self.naive.asks),
            self.naive.checksum,
            None,
            read or timestamp_now(),
        )

    def update(self, count: int = 1, read: Timestamp | None = None) -> None:
        """Apply updates, each with another quantity of the best bid."""
        for _ in range(count):
            self.updates += 1
            bids: list[TextLevel] = [("100.0", f"{self.updates}.00000000")]
            self.naive.frame(bids)
            self.book.take_update(
                levels(*bids), [], self.naive.checksum, None, read or timestamp_now()
            )

    def next_call(self, *, is_round: bool = False) -> WriteCall | None:
        """Return the call to send now."""
        return self.writer.next_call(StoppedClock(), is_round=is_round)

    def write(self, *, is_round: bool = False) -> ParsedCall:
        """Return the call to send now, as if Redis had carried it out."""
        call = self.next_call(is_round=is_round)
        assert call is not None, "there is no call to send"
        self.writer.done(call)
        return ParsedCall(call)


class ParsedCall:
    """The arguments of a call of the write script."""

    def __init__(self, call: WriteCall) -> None:
        self.call = call
        arguments = list(call.arguments)
        self.epoch: Any = arguments[3]
        self.confirmed_at = arguments[4]
        runs: Any = arguments[7]
        self.entries: list[EventEntry] = []
        at = 8
        for _ in range(runs):
            kind, seq, length = cast("tuple[Kind, int, int]", tuple(arguments[at : at + 3]))
            data = cast("list[bytes]", arguments[at + 3 : at + 3 + length])
            self.entries += [
                EventEntry(kind, seq + offset, each) for offset, each in enumerate(data)
            ]
            at += 3 + length
        self.mode = arguments[at]
        # The arguments of a renewed book begin with its seq.
        values: list[Any] = arguments[at + (2 if self.mode == "renew" else 1) :]
        names = STATUS_FIELDS if self.mode == "status" else BOOK_FIELDS
        self.fields = dict(zip(names, values, strict=True))

    @property
    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]

    @property
    def seqs(self) -> list[int]:
        return [entry.seq for entry in self.entries]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(entry.data) for entry in self.entries]
