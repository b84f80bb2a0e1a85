"""Verify the hash of a book before the book is shown.

Other programs can write to the same Redis, so a field may contain anything. `parse_book_hash`
checks the form of each field; this module checks that the fields agree with each other and with
the checksum.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from api.store.stream_entry import id_order
from kraken_book.book import CHECKSUM_LEVELS, DEPTHS, Book
from kraken_book.book_snapshot import BookSnapshot, best_of
from kraken_book.contract.book_hash import HASH_FIELDS, BookHash, parse_book_hash
from kraken_book.errors import BookError, LevelError
from kraken_book.level import Best, Level, level_of
from kraken_book.precision import MAX_TEXT, Precision, plain_pattern
from kraken_book.timestamps import normalised

Reply = Sequence[bytes | None]
"""The fields of a book's hash, as HMGET returns them."""

STATUSES = ("live", "syncing")

_TIMES = ("confirmed_at", "exchange_time")


def prove_book(symbol: str, reply: Reply) -> BookHash | None:
    """Return the book of `symbol` in the fields of a hash, None if all fields are absent.

    An invalid time counts as absent. ValueError is raised if a collector cannot have written one of
    the other fields; the message names the field.
    """
    if not any(value is not None for value in reply):
        return None
    fields = {name: time_text(reply[HASH_FIELDS.index(name)]) for name in _TIMES}
    for name, value in zip(HASH_FIELDS, reply, strict=True):
        if value is not None and name not in fields:
            fields[name] = value.decode()
    stored = parse_book_hash(fields)
    if stored is not None:
        _check(symbol, stored)
    return stored


def time_text(value: bytes | None) -> str:
    """Return a time in the format of `kraken_book.timestamps`; an empty string if it is invalid."""
    try:
        return normalised((value or b"").decode()) or ""
    except (ValueError, OverflowError):
        return ""


def _check(symbol: str, stored: BookHash) -> None:
    _require(stored.symbol == symbol, "symbol", stored.symbol)
    _require(stored.status in STATUSES, "status", stored.status)
    _require(id_order(stored.stream_id)[1] == stored.stream_seq, "stream_id", stored.stream_id)
    if stored.snapshot is None or stored.position is None:
        return
    is_of_event = id_order(stored.event_id)[1] == stored.position.seq
    is_in_stream = id_order(stored.event_id) <= id_order(stored.stream_id)
    _require(is_of_event and is_in_stream, "event_id", stored.event_id)
    _check_levels(symbol, stored.snapshot)


def _check_levels(symbol: str, stored: BookSnapshot) -> None:
    """Raise ValueError unless both sides are levels and the best ten have the checksum."""
    price, qty = stored.precision
    _require(0 <= price < MAX_TEXT - 1, "price_precision", price)
    _require(0 <= qty < MAX_TEXT - 1, "qty_precision", qty)
    _require(stored.depth in DEPTHS, "depth", stored.depth)
    # The checksum covers ten levels a side; the form of the others is checked by `_best_levels`.
    book = Book(symbol, CHECKSUM_LEVELS, stored.precision)
    bids = _best_levels("bids", stored.bids, stored)
    asks = _best_levels("asks", stored.asks, stored)
    book.replace(bids, asks)
    try:
        book.verify(stored.checksum)
    except BookError as error:
        raise ValueError(f"bids, asks or checksum: {error}") from error
    _require(list(book.bids) == bids, "bids", stored.bids)
    _require(list(book.asks) == asks, "asks", stored.asks)
    _require(best_of(book.bids) == stored.best_bid, "best_bid", _text_of(stored.best_bid))
    _require(best_of(book.asks) == stored.best_ask, "best_ask", _text_of(stored.best_ask))
    _require(book.spread == stored.spread, "spread", stored.spread)


def _best_levels(name: str, side: str, book: BookSnapshot) -> list[Level]:
    """Return the first levels of a side, a JSON array; raise ValueError if it is malformed."""
    _require(_side_form(book.precision)(side) is not None, name, side)
    if side == "[]":
        return []
    _require(side.count("],[") < book.depth, name, side)
    first = side[2:-2].split("],[", CHECKSUM_LEVELS)[:CHECKSUM_LEVELS]
    try:
        return [level_of(*level[1:-1].split('","')) for level in first]
    except LevelError as error:
        raise ValueError(f"{name}: {error}") from error


# Few different precisions exist.
@lru_cache(maxsize=64)
def _side_form(precision: Precision) -> Callable[[str], re.Match[str] | None]:
    price, qty = plain_pattern(precision.price), plain_pattern(precision.qty)
    level = rf'\["{price}","{qty}"\]'
    return re.compile(rf"\[(?:{level}(?:,{level})*)?\]", re.ASCII).fullmatch


def _text_of(best: Best | None) -> str:
    return f"{best.qty} at {best.price}" if best else "empty"


def _require(holds: bool, field: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{field} cannot be {str(value)[:40]!r}")
