"""Decode Kraken's frames.

Numbers of a book stay text, as in the frame; no number becomes a float. Frames are distinguished by
their keys, in any order.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from collector.venues.kraken.answers import (
    RequestAnswer,
    decode_answer,
    number_or_none,
    text_or_none,
    value_of,
)
from kraken_book.json_errors import JSON_ERRORS
from kraken_book.precision import Precision


class FrameError(Exception):
    """A frame that cannot be decoded.

    Attributes:
        symbols: The symbols that the frame names.
        is_book: Whether the frame may have changed the books of `symbols`, or any book if `symbols`
            is empty.
    """

    def __init__(self, message: str, symbols: Sequence[str] = (), *, is_book: bool = False) -> None:
        super().__init__(message)
        self.symbols = tuple(symbols)
        self.is_book = is_book


NO_LEVELS = msgspec.Raw(b"[]")
MAX_DECIMALS = 30
# Above the largest snapshot, of 1,000 levels of each side. Larger frames are decoded by entry.
LARGE_FRAME_BYTES = 256 * 1024


class BookEntry(msgspec.Struct, gc=False):
    """One symbol's part of a book frame.

    Attributes:
        symbol: The symbol.
        checksum: The checksum of the book after this entry.
        bids: A JSON array of levels, which `book_feed` parses.
        asks: The same for the other side.
        timestamp: Kraken's time of the change; None if it is missing or not a string.
    """

    symbol: str
    checksum: int
    bids: msgspec.Raw = NO_LEVELS
    asks: msgspec.Raw = NO_LEVELS
    timestamp: str | None = None


class BookFrame(msgspec.Struct, gc=False):
    """A snapshot or an update, with one entry for each symbol."""

    type: Literal["snapshot", "update"]
    data: list[BookEntry]


class BookParts(msgspec.Struct):
    """A book frame whose entries are still JSON, for `decode_entry`.

    It is returned for a very large frame, and for one with a broken entry.
    """

    type: Literal["snapshot", "update"]
    data: list[msgspec.Raw]


class Heartbeat(msgspec.Struct):
    """A frame without content, which shows that the connection is alive."""


class System(msgspec.Struct):
    """The status of Kraken's engine: online, cancel_only, maintenance or post_only."""

    system: str


# Pairs of any other status have a book, or may have one again soon.
NOT_TRADED = ("delisted", "work_in_progress")


class Pair(msgspec.Struct):
    """A tradable pair, with the members that a book needs."""

    symbol: str
    price_precision: int | None = None
    qty_precision: int | None = None
    status: str | None = "online"

    @property
    def precision(self) -> Precision | None:
        """The decimals of prices and quantities; None if they are missing or invalid."""
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
        """Whether the pair has a book, or may have one again soon."""
        return self.status not in NOT_TRADED


class Instruments(msgspec.Struct):
    """Pairs that are still JSON, for `decode_pair`."""

    pairs: list[msgspec.Raw] = []
    is_snapshot: bool = False
    """Whether these are all listed pairs."""


class Unknown(msgspec.Struct):
    """A frame of an unknown channel or kind; Kraken adds some over time."""

    kind: str


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
    """An entry with a timestamp of any type, and a checksum that may be digits in quotes."""

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

# All recorded book frames begin like this. The prefix only saves time: a book frame with another
# order of keys is found by its channel.
_BOOK_PREFIX = b'{"channel":"book"'


def decode_frame(data: bytes) -> Frame:
    """Return the frame in `data`.

    Raises:
        FrameError: The frame cannot be decoded.
    """
    if data.startswith(_BOOK_PREFIX):
        return _decode_book(data)
    try:
        envelope = _envelope.decode(data)
        return _decode_book(data) if envelope.channel == "book" else _by_channel(envelope, data)
    except JSON_ERRORS as error:
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
    except JSON_ERRORS:
        return _decode_parts(data)


def _decode_parts(data: bytes) -> BookParts:
    try:
        return _parts.decode(data)
    except JSON_ERRORS as error:
        raise FrameError(str(error), _symbols_in(data), is_book=True) from None


def decode_entry(data: msgspec.Raw) -> BookEntry:
    """Return one entry of BookParts.

    A timestamp that is not a string is left out, because the book does not depend on it.

    Raises:
        FrameError: The entry cannot be decoded.
    """
    with contextlib.suppress(*JSON_ERRORS):
        return _entry.decode(data)
    try:
        entry = _lenient_entry.decode(data)
    except JSON_ERRORS as error:
        raise FrameError(str(error), _symbols_in(bytes(data)), is_book=True) from None
    return BookEntry(
        entry.symbol, entry.checksum, entry.bids, entry.asks, _text_in(entry.timestamp)
    )


def _text_in(data: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(data, type=str)
    except JSON_ERRORS:
        return None


def _symbols_in(data: bytes) -> list[str]:
    # The frame may be truncated, and thus no JSON.
    return [name for quoted in _SYMBOL.findall(data) if (name := _text_in(msgspec.Raw(quoted)))]


def _instruments_in(data: msgspec.Raw, *, is_snapshot: bool) -> Instruments:
    return Instruments(_raw_pairs.decode(data).pairs, is_snapshot)


def decode_pair(data: msgspec.Raw) -> Pair:
    """Return a pair of Instruments.

    Members of an unexpected type are left out.

    Raises:
        FrameError: The pair has no symbol.
    """
    with contextlib.suppress(*JSON_ERRORS):
        return _pair.decode(data)
    try:
        members = msgspec.json.decode(data)
    except JSON_ERRORS as error:
        raise FrameError(str(error)) from None
    symbol = members.get("symbol") if isinstance(members, dict) else None
    if not isinstance(symbol, str):
        raise FrameError("pair without a symbol")
    return Pair(
        symbol,
        number_or_none(members.get("price_precision")),
        number_or_none(members.get("qty_precision")),
        text_or_none(members.get("status")),
    )
