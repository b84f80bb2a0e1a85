"""A watch that reconnects without pauses, and checks of the books that it yields.

The best bid of a scripted book has as many lots as the book's seq, so each book shows by itself
whether it is right.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from kraken_book import LiveBook, Watch
from kraken_book.client.patience import Patience
from kraken_book.event import StatusChange
from lab.canned_api import HOLD, CannedApi, sse, sse_events, stream
from lab.written_books import SYMBOL, snapshot, update

OTHER = "ETH/USD"
EVENT_LIMIT = 200
NO_PAUSES = Patience(max_pause=0.0)


def quick_watch(url: str, *symbols: str, key: str | None = None) -> Watch:
    """Return a watch that reconnects at once."""
    return Watch(url, symbols or (SYMBOL,), key, patience=NO_PAUSES)


def shown(book: LiveBook) -> str:
    """Return the book's status, with its reason or else its seq."""
    return f"{book.status} {book.reason or book.seq}"


def assert_right(book: LiveBook) -> None:
    """Check that a live book is the scripted book of its seq."""
    if book.is_live and not isinstance(book.event, StatusChange):
        assert book.best_bid is not None
        assert book.best_bid.lots == book.seq


def read_until(api: CannedApi, is_last: Callable[[LiveBook], bool], *symbols: str) -> list[str]:
    """Return the statuses that a watch yields, up to the first book for which `is_last` is true."""
    seen = []
    for book in islice(quick_watch(api.url, *symbols), EVENT_LIMIT):
        assert_right(book)
        seen.append(shown(book))
        if is_last(book):
            return seen
    raise AssertionError(f"no such book: {seen[:20]}")


def live_at(seq: int) -> Callable[[LiveBook], bool]:
    return lambda book: book.is_live and book.seq == seq


def wrong_event(form: str, **members: object) -> bytes:
    """Return event 5 with other members than the collector's."""
    written = (snapshot(5) if form == "snapshot" else update(5)).entry(7)
    return sse("1000-5", msgspec.json.encode(msgspec.json.decode(written.data) | members))


class Gate:
    """A stream that sends a snapshot at once, and its other pieces when the gate is opened."""

    def __init__(self, *pieces: bytes) -> None:
        self._opened = threading.Event()
        self._pieces = pieces

    def open(self) -> None:
        self._opened.set()

    def __iter__(self) -> Iterator[bytes]:
        yield from stream(sse_events(snapshot(3)))
        if self._pieces:
            self._opened.wait(20)
        yield from self._pieces
        yield HOLD
