"""The hash of a book. Every field is readable text; a missing value is the empty string."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from kraken_book.book_snapshot import BookSnapshot
from kraken_book.level import Best
from kraken_book.position import Position
from kraken_book.precision import Precision

__all__ = [
    "BOOK_FIELDS",
    "HASH_FIELDS",
    "STATUS_FIELDS",
    "BookHash",
    "Values",
    "book_values",
    "parse_book_hash",
    "status_values",
]

_FIELDS = """
symbol status source depth price_precision qty_precision epoch seq event_id checksum exchange_time
confirmed_at best_bid best_bid_qty best_ask best_ask_qty spread bids asks stream_seq stream_id
proof
"""
HASH_FIELDS = tuple(_FIELDS.split())
"""The fields of `parse_book_hash`; older collectors wrote no `proof`."""

# No collector writes larger numbers, and they could not be encoded as JSON.
_MAX_NUMBER = 2**63
_EVENT_ID = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)
_SOURCE = re.compile(r"[\w.-]+", re.ASCII)
_PROOF = re.compile(r"[\w.+-]{0,40}", re.ASCII)
_pairs = msgspec.json.Decoder(list[tuple[str, str]])

Values = list[str | int]
"""Values of a hash's fields in the order of `STATUS_FIELDS` or `BOOK_FIELDS`."""

# `write.lua` knows these orders, so that a call contains the values without the names.
STATUS_FIELDS = ("status", "symbol", "source", "depth", "proof")
_OF_BOOK = """
price_precision qty_precision checksum exchange_time best_bid best_bid_qty best_ask best_ask_qty
spread bids asks
"""
BOOK_FIELDS = (*STATUS_FIELDS, *_OF_BOOK.split())


def book_values(book: BookSnapshot, status: str) -> Values:
    """Return the values that the write script sets for a verified book, in order of BOOK_FIELDS.

    The script itself sets the position, and `confirmed_at` is an argument of the call.
    """
    bid, ask = book.best_bid, book.best_ask
    return [
        *status_values(book.symbol, status, book.source, book.depth, book.proof),
        book.precision.price,
        book.precision.qty,
        book.checksum,
        book.exchange_time or "",
        *((bid.price, bid.qty) if bid else ("", "")),
        *((ask.price, ask.qty) if ask else ("", "")),
        book.spread or "",
        book.bids,
        book.asks,
    ]


def status_values(
    symbol: str, status: str, source: str, depth: int, proof: str | None = None
) -> Values:
    """Return the values that the write script sets for a symbol without a book."""
    return [status, symbol, source, depth, proof or ""]


class BookHash(msgspec.Struct, frozen=True):
    """A parsed hash: a symbol's status and its book, None if no book was ever verified.

    `position` and `event_id` belong to the book's last event, `stream_id` and `stream_seq` to the
    stream's last event. `confirmed_at` is RFC 3339. `proof` is None if an older collector wrote the
    hash.
    """

    symbol: str
    status: str
    source: str
    snapshot: BookSnapshot | None
    position: Position | None
    event_id: str
    confirmed_at: str
    stream_seq: int
    stream_id: str
    proof: str | None = None


def parse_book_hash(fields: Mapping[str, str]) -> BookHash | None:
    """Return the parsed fields of a hash, None if the hash is empty.

    All values are checked, so that they can be written as JSON and into an HTTP header, and the
    sides are valid JSON.

    Raises:
        ValueError: A field is missing, or no collector can have written it.
    """
    if not fields:
        return None
    try:
        has_book = bool(fields["seq"])
        return BookHash(
            symbol=fields["symbol"],
            status=fields["status"],
            source=_checked(_SOURCE, fields["source"]),
            snapshot=_parse_snapshot(fields) if has_book else None,
            position=_parse_position(fields) if has_book else None,
            event_id=_checked(_EVENT_ID, fields["event_id"]) if has_book else "",
            confirmed_at=fields["confirmed_at"],
            stream_seq=_number(fields["stream_seq"]),
            stream_id=_checked(_EVENT_ID, fields["stream_id"]),
            proof=_parse_proof(fields),
        )
    except KeyError as error:
        raise ValueError(f"the hash of a book has no field {error}") from None


def _parse_position(fields: Mapping[str, str]) -> Position:
    return Position(_number(fields["epoch"] or "0"), _number(fields["seq"]))


def _parse_snapshot(fields: Mapping[str, str]) -> BookSnapshot:
    return BookSnapshot(
        symbol=fields["symbol"],
        source=fields["source"],
        depth=_number(fields["depth"]),
        precision=Precision(_number(fields["price_precision"]), _number(fields["qty_precision"])),
        best_bid=Best(fields["best_bid"], fields["best_bid_qty"]) if fields["best_bid"] else None,
        best_ask=Best(fields["best_ask"], fields["best_ask_qty"]) if fields["best_ask"] else None,
        spread=fields["spread"] or None,
        bids=_levels_text(fields["bids"]),
        asks=_levels_text(fields["asks"]),
        checksum=_number(fields["checksum"]),
        exchange_time=fields["exchange_time"] or None,
        proof=_parse_proof(fields),
    )


def _parse_proof(fields: Mapping[str, str]) -> str | None:
    return _checked(_PROOF, fields.get("proof", "")) or None


def _levels_text(text: str) -> str:
    try:
        _pairs.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"a side of the book is not a list of levels: {error}") from None
    return text


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number < _MAX_NUMBER:
        raise ValueError(f"{number} is negative or too large for a number of a book")
    return number


def _checked(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a valid id, source or proof of a book")
    return text
