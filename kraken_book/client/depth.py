"""The book in an answer of `/depth`, verified as the first snapshot of a stream would be."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from kraken_book.client.address import ApiAddress
from kraken_book.client.fetch import Answer
from kraken_book.client.session import is_same_symbol
from kraken_book.errors import BookInvalid, NotLive, ServiceUnavailable
from kraken_book.event import Snapshot, Status
from kraken_book.frozen_book import FrozenBook
from kraken_book.level import Best
from kraken_book.printable import printable
from kraken_book.verified_book import VerifiedBook
from kraken_book.words import explain

__all__ = ["depth_path", "read_book", "require_symbol"]

MAX_SHOWN = 80


class _Depth(msgspec.Struct):
    symbol: str
    status: Status
    source: str
    depth: int
    price_precision: int
    qty_precision: int
    epoch: int
    seq: int
    event_id: str
    checksum: int
    exchange_time: str | None
    age_ms: int | None
    best_bid: Best | None
    best_ask: Best | None
    spread: str | None
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    reason: str | None = None
    proof: str | None = None


class _WithBook(msgspec.Struct):
    book: _Depth | None


_depth = msgspec.json.Decoder(_Depth)
_with_book = msgspec.json.Decoder(_WithBook)


def depth_path(name: str) -> str:
    """Return the path of a book."""
    return f"/depth/{quote(name, '')}"


def read_book(answer: Answer, address: ApiAddress, name: str, *, only_live: bool) -> FrozenBook:
    """Return the verified book of an answer of `/depth` with all levels.

    An answer without a book raises its error. If the book is not the one of its checksum, or of
    another symbol, BookInvalid is raised.

    Args:
        answer: The answer.
        address: The address of the api, for messages.
        name: The symbol that was requested, in any spelling.
        only_live: Whether to raise NotLive for a book that is not live.
    """
    if answer.status != 200:
        return _last_known_book(answer, address, name, only_live=only_live)
    try:
        depth = _depth.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise answer.error(address) from None
    book = _verified(depth, name)
    return _require_live(book) if only_live else book


def require_symbol(name: str, symbol: str) -> None:
    """Check the symbol of an answer.

    Args:
        name: The symbol that was requested, in any spelling.
        symbol: That of the answer.

    Raises:
        BookInvalid: It is another one.
    """
    if not is_same_symbol(name, symbol):
        shown = printable(f"asked for {name[:MAX_SHOWN]!r}, got {symbol[:MAX_SHOWN]!r}")
        raise BookInvalid("unverified", shown)


def _last_known_book(
    answer: Answer, address: ApiAddress, name: str, *, only_live: bool
) -> FrozenBook:
    """Return the book in a problem of `/depth`, which is not live; raise the problem otherwise."""
    error = answer.error(address)
    if not isinstance(error, ServiceUnavailable):
        raise error
    try:
        depth = _with_book.decode(answer.body).book
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The problem is not about the book.
        raise error from None
    try:
        book = None if depth is None else _verified(depth, name)
    except BookInvalid:
        book = None
    if book is None or only_live:
        raise NotLive(str(error), book, error.retry_after) from error
    return book


def _require_live(book: FrozenBook) -> FrozenBook:
    if book.is_live:
        return book
    why = f"{book.status}: {explain(book.status, book.reason, book.venue)}"
    raise NotLive(f"{printable(book.symbol, MAX_SHOWN)} is not live now, but {why}", book)


def _verified(depth: _Depth, name: str) -> FrozenBook:
    require_symbol(name, depth.symbol)
    verified = VerifiedBook(depth.symbol)
    verified.apply(_snapshot(depth))
    assert verified.book is not None, "a snapshot that does not lead to a book raises"
    return FrozenBook(
        symbol=depth.symbol,
        status=depth.status,
        reason=depth.reason,
        source=depth.source,
        proof=depth.proof,
        depth=depth.depth,
        precision=verified.book.precision,
        epoch=depth.epoch,
        seq=depth.seq,
        checksum=depth.checksum,
        exchange_time=depth.exchange_time,
        bids=tuple(verified.book.bids),
        asks=tuple(verified.book.asks),
        event_id=depth.event_id,
        age_ms=depth.age_ms,
    )


def _snapshot(depth: _Depth) -> Snapshot:
    return Snapshot(
        symbol=depth.symbol,
        seq=depth.seq,
        epoch=depth.epoch,
        best_bid=depth.best_bid,
        best_ask=depth.best_ask,
        spread=depth.spread,
        bids=depth.bids,
        asks=depth.asks,
        checksum=depth.checksum,
        exchange_time=depth.exchange_time,
        received_at=None,
        depth=depth.depth,
        price_precision=depth.price_precision,
        qty_precision=depth.qty_precision,
        source=depth.source,
        proof=depth.proof,
        conflated=None,
    )
