"""Prepared events of real size, as a collector would write them for one market.

Only the time at which an event was received is set when it is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time_ns
from typing import NamedTuple

from bench.load.tape import Rate, Tape
from collector.venues.kraken.book_feed import parse_levels
from collector.venues.kraken.frames import BookFrame, decode_frame
from kraken_book.book import Book
from kraken_book.book_snapshot import snapshot_of
from kraken_book.contract.book_hash import Values, book_values
from kraken_book.event import render_snapshot, render_update
from kraken_book.precision import Precision
from kraken_book.timestamps import rfc3339

SYMBOL = "BTC/USD"
PRECISION = Precision(1, 8)
_TIME = "2026-08-02T03:35:51.702114Z"


class MarketEvent(NamedTuple):
    """A numbered update and the book after it; `head` is the event's JSON up to the time."""

    seq: int
    head: bytes
    values: Values


class MarketEvents(NamedTuple):
    """A snapshot with seq 1, and the updates after it."""

    epoch: int
    snapshot: bytes
    values: Values
    updates: Sequence[MarketEvent]


def market_events(count: int, *, epoch: int = 1, depth: int = 10) -> MarketEvents:
    """Return a snapshot and `count` updates of the simulator's market."""
    tape = Tape([SYMBOL], [Rate(float(count), 2.0)], depth=depth)
    frames = list(tape.frames(SYMBOL))[: count + 1]
    book = Book(SYMBOL, depth, PRECISION)
    snapshot, values = b"", Values()
    updates = []
    for seq, data in enumerate(frames, 1):
        frame = decode_frame(data)
        assert isinstance(frame, BookFrame)
        (entry,) = frame.data
        bids, asks = parse_levels(entry, PRECISION)
        (book.replace if seq == 1 else book.update)(bids, asks)
        book.verify(entry.checksum)
        view = snapshot_of(book, "simulated", entry.checksum, _TIME)
        if seq == 1:
            snapshot = render_snapshot(view, seq, epoch, _TIME, None)
            values = book_values(view, "live")
            continue
        event = render_update(book, seq, epoch, bids, asks, entry.checksum, _TIME, _TIME)
        updates.append(MarketEvent(seq, event.removesuffix(_END), book_values(view, "live")))
    return MarketEvents(epoch, snapshot, values, updates)


def stamped(event: MarketEvent) -> bytes:
    """Return the whole event with the current time as the time of receipt."""
    return b'%b%b"}' % (event.head, rfc3339(time_ns()).encode())


_END = f'{_TIME}"}}'.encode()
