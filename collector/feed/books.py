"""A symbol's book as the collector knows it: verified, or known not to be.

Pure: levels of frames in; a verified book, and calls of its listener, out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from collector.feed.link import Link
from collector.feed.timestamp import Timestamp
from kraken_book.book import Book
from kraken_book.book_snapshot import BookSnapshot, snapshot_of
from kraken_book.contract.symbol_state import SymbolState, SymbolStatus
from kraken_book.level import Level
from kraken_book.precision import Precision
from kraken_book.timestamps import normalised


class BookListener(Protocol):
    """Told of each verified change, in order."""

    def on_update(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Called when these levels changed the book."""

    def on_snapshot(self) -> None:
        """Called when another book replaced the one that was known."""

    def on_status(self) -> None:
        """Called when the status or its reason changed."""


class SymbolBook:
    """One symbol: its status, and its book while that is `live`.

    While live, `book` is verified by `checksum`, and `read_at` is when its newest frame was read. A
    frame that raises leaves the book unknown; the caller must `lose` it. `pair_status` is the
    pair's own at the venue, and `resyncs` how often the book was doubted and asked for anew.

    Args:
        symbol: Name of the book.
        depth: Levels of each side that are kept.
        source: Where its frames come from, such as `kraken` or `simulated`.
        link: State of the connection that serves it; by default one that is down.
    """

    def __init__(self, symbol: str, depth: int, source: str, link: Link | None = None) -> None:
        self.symbol = symbol
        self.depth = depth
        self.source = source
        self.link = link or Link()
        self.status: SymbolStatus = "asked"
        self.reason: str | None = None
        self.precision: Precision | None = None
        self.pair_status: str | None = None
        self.resyncs = 0
        self.book: Book | None = None
        self.checksum = 0
        self.exchange_time: str | None = None
        self.read_at = Timestamp(0, 0)
        self.listener: BookListener | None = None
        # The facts that `_state` was made from.
        self._stated: tuple[object, ...] = ()
        self._state: SymbolState

    @property
    def live(self) -> bool:
        """Whether the book is verified and followed."""
        return self.status == "live"

    @property
    def confirmed_at(self) -> Timestamp:
        """When the newest frame was read that confirms the book: one of its connection's."""
        return self.link.last_frame_at or self.read_at

    @property
    def known_precision(self) -> Precision:
        """The pair's precision; only once the venue has told it."""
        assert self.precision is not None, f"{self.symbol} has no precisions yet"
        return self.precision

    def state(self, shard: str) -> SymbolState:
        """Return its entry in `kraken:symbols`; the same object while nothing changed."""
        facts = (self.status, self.reason, self.precision, self.pair_status, self.resyncs, shard)
        if facts != self._stated:
            self._stated, self._state = facts, self._state_now(shard)
        return self._state

    def _state_now(self, shard: str) -> SymbolState:
        precision = self.precision
        return SymbolState(
            status=self.status,
            reason=self.reason,
            source=self.source,
            shard=shard,
            depth=self.depth,
            price_precision=precision.price if precision else None,
            qty_precision=precision.qty if precision else None,
            pair_status=self.pair_status,
            resyncs=self.resyncs,
        )

    def view(self) -> BookSnapshot:
        """Return the verified book, with where and when it comes from; only while live."""
        assert self.book is not None, f"{self.symbol} has no verified book"
        return snapshot_of(self.book, self.source, self.checksum, self.exchange_time)

    def take_snapshot(
        self,
        bids: Sequence[Level],
        asks: Sequence[Level],
        checksum: int,
        time: str | None,
        read_at: Timestamp,
    ) -> None:
        """Become live with the snapshot's book; raises BookError."""
        book = Book(self.symbol, self.depth, self.known_precision)
        book.replace(bids, asks)
        book.verify(checksum)
        self.book = book
        self._verified(checksum, time, read_at)
        self.status, self.reason = "live", None
        if self.listener is not None:
            self.listener.on_snapshot()

    def take_update(
        self,
        bids: Sequence[Level],
        asks: Sequence[Level],
        checksum: int,
        time: str | None,
        read_at: Timestamp,
    ) -> None:
        """Apply an update to a live book; raises BookError."""
        book = self.book
        assert book is not None, f"{self.symbol} has no book to update"
        book.update(bids, asks)
        book.verify(checksum)
        self._verified(checksum, time, read_at)
        if self.listener is not None:
            self.listener.on_update(bids, asks)

    def lose(self, reason: str) -> None:
        """Note that the book's content is not known, for `reason`."""
        # Before its first acknowledgement, a symbol is still only asked for.
        self._become("asked" if self.status == "asked" else "syncing", reason)

    def acknowledge(self) -> None:
        """Note that the venue agreed to send this book."""
        if not self.live:
            self._become("syncing", None if self.status == "refused" else self.reason)

    def refuse(self, reason: str) -> None:
        """Note that the venue does not send this book, for `reason`."""
        self._become("refused", reason)

    def _become(self, status: SymbolStatus, reason: str | None) -> None:
        self.book = None
        if (status, reason) != (self.status, self.reason):
            self.status, self.reason = status, reason
            if self.listener is not None:
                self.listener.on_status()

    def _verified(self, checksum: int, time: str | None, read_at: Timestamp) -> None:
        self.checksum, self.exchange_time, self.read_at = checksum, normalised(time), read_at
