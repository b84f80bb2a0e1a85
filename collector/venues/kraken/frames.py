"""Kraken's frames: bytes to values. No I/O.

Numbers of a book stay the texts that they were in the frame; nothing becomes a float. Keys tell the
frames apart, in any order.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from collector.venues.kraken.answers import (
    NOT_UNDERSTOOD,
    RequestAnswer,
    decode_answer,
    number_or_none,
    text_or_none,
    value_of,
)
from kraken_book.precision import Precision


class FrameError(Exception):
    """A frame that cannot be understood.

    If it `is_book`, it may have changed the books of `symbols`, or any book if none is named.
    """

    def __init__(self, message: str, symbols: Sequence[str] = (), *, is_book: bool = False) -> None:
        super().__init__(message)
        self.symbols = tuple(symbols)
        self.is_book = is_book


NO_LEVELS = msgspec.Raw(b"[]")
MAX_DECIMALS = 30
# Above the largest snapshot, of 1,000 levels a side. What is larger is decoded entry by entry.
LARGE_FRAME_BYTES = 256 * 1024


class BookEntry(msgspec.Struct, gc=False):
    """One symbol's part of a book frame; `timestamp` is None if it is missing or not a text.

    The sides are JSON arrays as they were sent, which `book_feed` parses.
    """

    symbol: str
    checksum: int
    bids: msgspec.Raw = NO_LEVELS
    asks: msgspec.Raw = NO_LEVELS
    timestamp: str | None = None


class BookFrame(msgspec.Struct, gc=False):
    """A snapshot, which replaces books, or an update, which changes them; one entry a symbol."""

    type: Literal["snapshot", "update"]
    data: list[BookEntry]


class BookParts(msgspec.Struct):
    """A book frame whose entries are still JSON, for `decode_entry`.

    This is for a frame that is very large, or has a broken entry that must not harm the others.
    """

    type: Literal["snapshot", "update"]
    data: list[msgspec.Raw]


class Heartbeat(msgspec.Struct):
    """The connection is alive."""


class System(msgspec.Struct):
    """The state of Kraken's engine: online, cancel_only, maintenance or post_only."""

    system: str


# A pair with another status has a book, or may have one again in a moment.
NOT_TRADED = ("delisted", "work_in_progress")


class Pair(msgspec.Struct):
    """A tradable pair, with the members that a book needs."""

    symbol: str
    price_precision: int | None = None
    qty_precision: int | None = None
    status: str | None = "online"

    @property
    def precision(self) -> Precision | None:
        """The decimals of prices and quantities; None if they are missing or make no sense."""
        price, qty = self.price_precision, self.qty_precision
        if (
            price is None
            or qty is None
            or not 0 <= min(price, qty) <= max(price, qty) <= MAX_DECIMALS
        ):
            return None
        return Precision(price, qty)

    @property
    def is_traded(self) -> bool:
        """Whether it has a book, or may have one again in a moment."""
        return self.status not in NOT_TRADED


class Instruments(msgspec.Struct):
    """Pairs that are still JSON, for `decode_pair`."""

    pairs: list[msgspec.Raw] = []
    is_snapshot: bool = False
    """Whether these are all the pairs that are listed."""


class Unknown(msgspec.Struct):
    """A frame of an unknown channel or kind; Kraken adds some over time."""

    what: str


Frame = BookFrame | BookParts | Heartbeat | System | Instruments | RequestAnswer | Unknown


_NULL = msgspec.Raw(b"null")


class _RawPairs(msgspec.Struct):
    pairs: list[msgspec.Raw] = []


class _Envelope(msgspec.Struct):
    """Any frame; answers have no channel."""

    channel: str | None = None
    type: msgspec.Raw = _NULL
    data: msgspec.Raw = msgspec.Raw()


class _LenientEntry(msgspec.Struct):
    """An entry whose timestamp may be anything, and whose checksum may be digits in quotes."""

    symbol: str
    checksum: int
    bids: msgspec.Raw = NO_LEVELS
    asks: msgspec.Raw = NO_LEVELS
    timestamp: msgspec.Raw = _NULL


_envelope = msgspec.json.Decoder(_Envelope)
_book = msgspec.json.Decoder(BookFrame)
_parts = msgspec.json.Decoder(BookParts)
_entry = msgspec.json.Decoder(BookEntry)
_lenient_entry = msgspec.json.Decoder(_LenientEntry, strict=False)
_raw_pairs = msgspec.json.Decoder(_RawPairs)
_pair = msgspec.json.Decoder(Pair)
_systems = msgspec.json.Decoder(list[System])

_SYMBOL = re.compile(rb'"symbol":\s*("[^"]+")')

# All recorded book frames begin like this. It only saves a first look: a book frame with its keys
# in another order is found by key.
_BOOK_PREFIX = b'{"channel":"book"'


def decode_frame(data: bytes) -> Frame:
    """Return the frame in `data`.

    Raises:
        FrameError: It cannot be understood.
    """
    if data.startswith(_BOOK_PREFIX):
        return _decode_book(data)
    try:
        envelope = _envelope.decode(data)
        return _decode_book(data) if envelope.channel == "book" else _by_channel(envelope, data)
    except NOT_UNDERSTOOD as error:
        is_book = b'"book"' in data
        symbols = _symbols_in(data) if is_book else ()
        raise FrameError(str(error), symbols, is_book=is_book) from None


def _by_channel(envelope: _Envelope, data: bytes) -> Frame:
    match envelope.channel:
        case "heartbeat":
            return Heartbeat()
        case "instrument":
            return _instruments_in(envelope.data, is_snapshot=value_of(envelope.type) == "snapshot")
        case "status":
            return (_systems.decode(envelope.data) or [System("unknown")])[0]
        case None:
            return decode_answer(data) or Unknown("frame without channel or method")
        case channel:
            return Unknown(f"channel {channel}")


def _decode_book(data: bytes) -> BookFrame | BookParts:
    if len(data) > LARGE_FRAME_BYTES:
        return _decode_parts(data)
    try:
        return _book.decode(data)
    except NOT_UNDERSTOOD:
        return _decode_parts(data)


def _decode_parts(data: bytes) -> BookParts:
    try:
        return _parts.decode(data)
    except NOT_UNDERSTOOD as error:
        raise FrameError(str(error), _symbols_in(data), is_book=True) from None


def decode_entry(data: msgspec.Raw) -> BookEntry:
    """Return one entry of BookParts.

    A timestamp decides nothing: one that is not a text is left out.

    Raises:
        FrameError: It cannot be understood.
    """
    with contextlib.suppress(*NOT_UNDERSTOOD):
        return _entry.decode(data)
    try:
        entry = _lenient_entry.decode(data)
    except NOT_UNDERSTOOD as error:
        raise FrameError(str(error), _symbols_in(bytes(data)), is_book=True) from None
    return BookEntry(
        entry.symbol, entry.checksum, entry.bids, entry.asks, _text_in(entry.timestamp)
    )


def _text_in(data: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(data, type=str)
    except NOT_UNDERSTOOD:
        return None


def _symbols_in(data: bytes) -> list[str]:
    # The frame may be cut short, and not be JSON.
    return [name for quoted in _SYMBOL.findall(data) if (name := _text_in(msgspec.Raw(quoted)))]


def _instruments_in(data: msgspec.Raw, *, is_snapshot: bool) -> Instruments:
    return Instruments(_raw_pairs.decode(data).pairs, is_snapshot)


def decode_pair(data: msgspec.Raw) -> Pair:
    """Return a pair of Instruments.

    Members of an unusual type are left out: the pair is listed all the same.

    Raises:
        FrameError: It has no name.
    """
    with contextlib.suppress(*NOT_UNDERSTOOD):
        return _pair.decode(data)
    try:
        members = msgspec.json.decode(data)
    except NOT_UNDERSTOOD as error:
        raise FrameError(str(error)) from None
    symbol = members.get("symbol") if isinstance(members, dict) else None
    if not isinstance(symbol, str):
        raise FrameError("a pair without a symbol")
    return Pair(
        symbol,
        number_or_none(members.get("price_precision")),
        number_or_none(members.get("qty_precision")),
        text_or_none(members.get("status")),
    )
