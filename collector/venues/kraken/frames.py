"""Kraken's frames: bytes to values, and requests to text. No I/O.

Numbers of a book stay the texts that they were in the frame; nothing becomes a float. Frames are
told apart by key, in any order of keys.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

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
MOST_DECIMALS = 30
# Above the largest snapshot, of 1,000 levels a side. What is larger is decoded entry by entry.
LARGE_FRAME_BYTES = 256 * 1024


class BookEntry(msgspec.Struct, gc=False):
    """One symbol's part of a book frame; `timestamp` is None if it is missing or no text.

    The sides are JSON arrays as they were sent; `levels` in this package parses them.
    """

    symbol: str
    checksum: int
    bids: msgspec.Raw = NO_LEVELS
    asks: msgspec.Raw = NO_LEVELS
    timestamp: str | None = None


class BookFrame(msgspec.Struct, gc=False):
    """A snapshot, which replaces, or an update, which changes; `data` has one entry a symbol."""

    type: Literal["snapshot", "update"]
    data: list[BookEntry]


class BookParts(msgspec.Struct):
    """A book frame whose entries are still JSON: `decode_entry` takes one at a time.

    A frame comes like this if it is very large, or if an entry is not as it should be: then the
    others do not suffer for it.
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
    """A tradable pair; only what a book needs of it."""

    symbol: str
    price_precision: int | None = None
    qty_precision: int | None = None
    status: str | None = "online"

    @property
    def precision(self) -> Precision | None:
        """Return the decimals of prices and quantities; None if they are missing or senseless."""
        price, qty = self.price_precision, self.qty_precision
        if (
            price is None
            or qty is None
            or not 0 <= min(price, qty) <= max(price, qty) <= MOST_DECIMALS
        ):
            return None
        return Precision(price, qty)

    @property
    def is_traded(self) -> bool:
        """Whether it has a book, or may have one again in a moment."""
        return self.status not in NOT_TRADED


class Instruments(msgspec.Struct):
    """Pairs, still JSON: `decode_pair` takes one at a time."""

    pairs: list[msgspec.Raw] = []
    is_snapshot: bool = False
    """Whether they are all that are listed."""


class Answer(msgspec.Struct):
    """The answer to a request; only `success` tells whether it was granted."""

    method: str | None = None
    success: bool = True
    error: str | None = None
    symbol: str | None = None
    channel: str | None = None
    req_id: int | None = None
    symbols: tuple[str, ...] = ()
    """Return the symbols of an answer that names several."""


class Unknown(msgspec.Struct):
    """A frame of a channel or kind that we do not know; Kraken adds some over time."""

    what: str


Frame = BookFrame | BookParts | Heartbeat | System | Instruments | Answer | Unknown


_NULL = msgspec.Raw(b"null")
# Of a member of an answer; what is longer is not looked at.
_MOST_MEMBER_BYTES = 100_000


class _RawPairs(msgspec.Struct):
    pairs: list[msgspec.Raw] = []


class _Envelope(msgspec.Struct):
    """Any frame; of an answer, a member of another type than usual costs only itself."""

    channel: str | None = None
    type: msgspec.Raw = _NULL
    data: msgspec.Raw = msgspec.Raw()
    method: msgspec.Raw = _NULL
    success: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL
    # Seen with a capital: {"Error":"Exceeded msg rate"}.
    capital_error: msgspec.Raw = msgspec.field(default=_NULL, name="Error")
    symbol: msgspec.Raw = _NULL
    result: msgspec.Raw = _NULL
    req_id: msgspec.Raw = _NULL


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

# What msgspec raises for bytes that are no JSON, are of another shape, or nest without end.
_NOT_UNDERSTOOD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# How book frames have begun whenever they were recorded. It only saves a first look: a book frame
# with its keys in another order is found by key.
_BOOK_PREFIX = b'{"channel":"book"'


def decode_frame(data: bytes) -> Frame:
    """Return what `data` says; raises FrameError if it cannot be understood."""
    if data.startswith(_BOOK_PREFIX):
        return _decode_book(data)
    try:
        envelope = _envelope.decode(data)
        return _decode_book(data) if envelope.channel == "book" else _by_channel(envelope)
    except _NOT_UNDERSTOOD as error:
        is_book = b'"book"' in data
        symbols = _symbols_in(data) if is_book else ()
        raise FrameError(str(error), symbols, is_book=is_book) from None


def subscribe_instruments(req_id: int) -> str:
    """The request for pairs and their precisions."""
    return _request("subscribe", {"channel": "instrument"}, req_id)


def unsubscribe_instruments(req_id: int) -> str:
    """The request to send no more of pairs."""
    return _request("unsubscribe", {"channel": "instrument"}, req_id)


def subscribe_books(symbols: Sequence[str], depth: int, req_id: int) -> str:
    """The request for the books of `symbols`; each is answered, and sends a snapshot, by itself."""
    params = {"channel": "book", "symbol": list(symbols), "depth": depth, "snapshot": True}
    return _request("subscribe", params, req_id)


def unsubscribe_books(symbols: Sequence[str], depth: int, req_id: int) -> str:
    """The request to send no more of the books of `symbols`."""
    params = {"channel": "book", "symbol": list(symbols), "depth": depth}
    return _request("unsubscribe", params, req_id)


def _request(method: str, params: dict[str, object], req_id: int) -> str:
    return msgspec.json.encode({"method": method, "params": params, "req_id": req_id}).decode()


def _by_channel(envelope: _Envelope) -> Frame:
    match envelope.channel:
        case "heartbeat":
            return Heartbeat()
        case "instrument":
            return _instruments_in(envelope.data, is_snapshot=_value(envelope.type) == "snapshot")
        case "status":
            return (_systems.decode(envelope.data) or [System("unknown")])[0]
        case None:
            return _answer(envelope)
        case channel:
            return Unknown(f"channel {channel}")


def _decode_book(data: bytes) -> BookFrame | BookParts:
    if len(data) > LARGE_FRAME_BYTES:
        return _decode_parts(data)
    try:
        return _book.decode(data)
    except _NOT_UNDERSTOOD:
        return _decode_parts(data)


def _decode_parts(data: bytes) -> BookParts:
    try:
        return _parts.decode(data)
    except _NOT_UNDERSTOOD as error:
        raise FrameError(str(error), _symbols_in(data), is_book=True) from None


def decode_entry(data: msgspec.Raw) -> BookEntry:
    """Return one entry of BookParts; raises FrameError if it cannot be understood.

    A timestamp decides nothing: one that is no text is left out.
    """
    with contextlib.suppress(*_NOT_UNDERSTOOD):
        return _entry.decode(data)
    try:
        entry = _lenient_entry.decode(data)
    except _NOT_UNDERSTOOD as error:
        raise FrameError(str(error), _symbols_in(bytes(data)), is_book=True) from None
    return BookEntry(
        entry.symbol, entry.checksum, entry.bids, entry.asks, _text_in(entry.timestamp)
    )


def _text_in(data: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(data, type=str)
    except _NOT_UNDERSTOOD:
        return None


def _symbols_in(data: bytes) -> list[str]:
    # Also of a frame that is cut short, and is no JSON.
    return [name for quoted in _SYMBOL.findall(data) if (name := _text_in(msgspec.Raw(quoted)))]


def _instruments_in(data: msgspec.Raw, *, is_snapshot: bool) -> Instruments:
    return Instruments(_raw_pairs.decode(data).pairs, is_snapshot)


def decode_pair(data: msgspec.Raw) -> Pair:
    """Return a pair of Instruments; raises FrameError if it has no name.

    Members of another type than usual are left out: the pair is listed all the same.
    """
    with contextlib.suppress(*_NOT_UNDERSTOOD):
        return _pair.decode(data)
    try:
        members = msgspec.json.decode(data)
    except _NOT_UNDERSTOOD as error:
        raise FrameError(str(error)) from None
    symbol = members.get("symbol") if isinstance(members, dict) else None
    if not isinstance(symbol, str):
        raise FrameError("a pair without a symbol")
    return Pair(
        symbol,
        _whole_number(members.get("price_precision")),
        _whole_number(members.get("qty_precision")),
        _text(members.get("status")),
    )


def _answer(envelope: _Envelope) -> Answer | Unknown:
    error = _words(envelope.error) or _words(envelope.capital_error)
    method = _text(_value(envelope.method))
    if method is None and error is None:
        return Unknown("frame without channel or method")
    value = _value(envelope.result)
    result = value if isinstance(value, dict) else {}
    symbol = result.get("symbol") or _value(envelope.symbol)
    return Answer(
        method=method,
        success=error is None and _value(envelope.success) is not False,
        error=error,
        symbol=_text(symbol),
        channel=_text(result.get("channel")),
        req_id=_whole_number(_value(envelope.req_id)),
        symbols=tuple(filter(_text, symbol)) if isinstance(symbol, list) else (),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole_number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _value(data: msgspec.Raw) -> Any:
    if len(data) > _MOST_MEMBER_BYTES:
        return None
    try:
        return msgspec.json.decode(data)
    except _NOT_UNDERSTOOD:
        return None


def _words(data: msgspec.Raw) -> str | None:
    """Return an error's words, or its JSON if it is no text; None if there is none."""
    value = _value(data)
    if isinstance(value, str) or (not value and len(data) <= _MOST_MEMBER_BYTES):
        return value or None
    return bytes(memoryview(data)[:_MOST_MEMBER_BYTES]).decode(errors="replace")
