"""The book of one symbol: verified, or known not to be.

`SymbolBook` applies levels of frames, verifies the result, and calls its listener. It does no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from collector.feed.hot_path import HOT_PATH, HotPath, fits
from collector.feed.link import Link
from collector.feed.timestamp import Timestamp
from kraken_book.book import Book, Side
from kraken_book.book_snapshot import BookSnapshot, snapshot_of
from kraken_book.contract.symbol_state import SymbolState, SymbolStatus
from kraken_book.event import name_json
from kraken_book.level import Level
from kraken_book.precision import Precision
from kraken_book.symbols import KRAKEN, symbol_of
from kraken_book.timestamps import normalised


class BookListener(Protocol):
    """Callbacks for each verified change, in order."""

    def on_update(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Handle an update that changed these levels of the book."""

    def on_snapshot(self) -> None:
        """Handle a snapshot that replaced the book."""

    def on_status(self) -> None:
        """Handle a new status, or a new reason for it."""


class SymbolBook:
    """A symbol's status, and its book while the status is `live`.

    If a frame raises, the content of the book is unknown, and the caller must call `lose`.

    Args:
        symbol: The pair of the book, as it is named within its venue.
        depth: Levels of each side that are kept.
        source: Origin of the frames, `kraken` or `simulated`.
        link: State of the connection that carries the book; by default one that is down.
        path: What the book is made of.
        venue: The venue.
        proof: How the venue's books are proved, see `BookSnapshot`.

    Attributes:
        name: The symbol for readers, which has the venue if it is not Kraken.
        status: `live` while the book is verified and followed.
        reason: Reason for another status, if there is one.
        is_answered: Whether the book was live or refused once.
        precision: Decimals of prices and quantities; None until the venue has sent them.
        pair_status: The venue's status of the pair.
        resyncs: Number of times that the book was dropped and subscribed to again.
        book: The verified book; None unless the status is `live`.
        path: What the book is made of.
        lane: The newest frame of the book. If the path is compiled, `take` updates it and the book.
        listener: Receives each verified change, if it is set, except updates that `take` adds to
            the outbox of the lane.
    """

    def __init__(
        self,
        symbol: str,
        depth: int,
        source: str,
        link: Link | None = None,
        *,
        path: HotPath = HOT_PATH,
        venue: str = KRAKEN,
        proof: str = "checksum",
    ) -> None:
        self.symbol = symbol
        self.name = symbol_of(venue, symbol)
        self.proof = proof
        self.depth = depth
        self.source = source
        self.link = link or Link()
        self.status: SymbolStatus = "asked"
        self.reason: str | None = None
        self.is_answered = False
        self.precision: Precision | None = None
        self.pair_status: str | None = None
        self.resyncs = 0
        self.book: Book | None = None
        self.path = path
        self.lane = path.lane(symbol, name_json(self.name), Timestamp(0, 0))
        self.listener: BookListener | None = None
        # The values from which `_state` was made.
        self._stated: tuple[object, ...] = ()
        self._state: SymbolState

    @property
    def is_live(self) -> bool:
        """Whether the book is verified and followed."""
        return self.status == "live"

    @property
    def checksum(self) -> int:
        """The checksum that verified the book."""
        return self.lane.checksum

    @property
    def exchange_time(self) -> str | None:
        """The venue's time of the newest frame of the book, if it had one."""
        return self.lane.exchange_time

    @property
    def read_at(self) -> Timestamp:
        """Time at which that frame was read."""
        read_at: Timestamp = self.lane.read_at
        return read_at

    @property
    def confirmed_at(self) -> Timestamp:
        """Time of the newest frame that confirms the book, which any frame of its link does."""
        return self.link.last_frame_at or self.read_at

    @property
    def known_precision(self) -> Precision:
        """The pair's precision; the venue must have sent it."""
        assert self.precision is not None, f"{self.symbol} has no precisions yet"
        return self.precision

    def state(self, shard: str) -> SymbolState:
        """Return the book's entry in `<venue>:symbols`: the same object until a value changes."""
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
            proof=self.proof,
        )

    def view(self) -> BookSnapshot:
        """Return a snapshot of the book, which must be live."""
        assert self.book is not None, f"{self.symbol} has no verified book"
        return snapshot_of(self.book, self.source, self.checksum, self.exchange_time, self.proof)

    def take_snapshot(
        self,
        bids: Sequence[Level],
        asks: Sequence[Level],
        checksum: int | None,
        time: str | None,
        read_at: Timestamp,
    ) -> None:
        """Replace the book by a snapshot, verify it, and become live.

        A BookError is raised if the book is not the venue's afterwards. If the venue sends no
        checksum of Kraken's form, `checksum` is None, and the book is only verified not to be
        crossed.
        """
        is_compiled = self._can_be_compiled(bids, asks)
        book = self._empty_book(is_compiled=is_compiled)
        book.replace(bids, asks)
        checksum = _verified_checksum(book, checksum)
        self.book = book
        if is_compiled:
            self.lane.carry(book.bids, book.asks, self.depth, *book.precision)
        else:
            self.lane.drop()
        self._verified(checksum, time, read_at)
        self.status, self.reason = "live", None
        self.is_answered = True
        if self.listener is not None:
            self.listener.on_snapshot()

    def take_update(
        self,
        bids: Sequence[Level],
        asks: Sequence[Level],
        checksum: int | None,
        time: str | None,
        read_at: Timestamp,
    ) -> None:
        """Apply an update to a live book, and verify it.

        Arguments and errors are those of `take_snapshot`.
        """
        book = self.book
        assert book is not None, f"{self.symbol} has no book to update"
        if self.path.take is not None and not self._can_be_compiled(bids, asks):
            book = self.book = self._pure_copy(book)
            self.lane.drop()
        book.update(bids, asks)
        checksum = _verified_checksum(book, checksum)
        self._verified(checksum, time, read_at)
        if self.listener is not None:
            self.listener.on_update(bids, asks)

    def _can_be_compiled(self, bids: Sequence[Level], asks: Sequence[Level]) -> bool:
        """Return whether the path is compiled, and these levels fit into its sides."""
        return self.path.take is not None and fits(self.known_precision, bids, asks)

    def _empty_book(self, *, is_compiled: bool) -> Book:
        side = self.path.side if is_compiled else Side
        return Book(self.name, self.depth, self.known_precision, side)

    def _pure_copy(self, book: Book) -> Book:
        copy = self._empty_book(is_compiled=False)
        copy.replace(list(book.bids), list(book.asks))
        return copy

    def lose(self, reason: str) -> None:
        """Drop the book, because its content is unknown for `reason`."""
        # A symbol stays `asked` until its first acknowledgement.
        self._become("asked" if self.status == "asked" else "syncing", reason)

    def acknowledge(self) -> None:
        """Become `syncing`, because the venue agreed to send this book."""
        if not self.is_live:
            self._become("syncing", None if self.status == "refused" else self.reason)

    def refuse(self, reason: str) -> None:
        """Become `refused`, because the venue does not send this book, for `reason`."""
        self.is_answered = True
        self._become("refused", reason)

    def _become(self, status: SymbolStatus, reason: str | None) -> None:
        self.book = None
        self.lane.drop()
        if (status, reason) != (self.status, self.reason):
            self.status, self.reason = status, reason
            if self.listener is not None:
                self.listener.on_status()

    def _verified(self, checksum: int, time: str | None, read_at: Timestamp) -> None:
        lane = self.lane
        lane.checksum, lane.exchange_time, lane.read_at = checksum, normalised(time), read_at


def _verified_checksum(book: Book, sent: int | None) -> int:
    """Verify a book by the checksum that was sent, and return its checksum."""
    checksum = book.checksum() if sent is None else sent
    book.verify(checksum)
    return checksum
