"""Kraken's frames: bytes to values, and requests to text. No I/O.

Numbers of a book stay the texts that they were in the frame; nothing becomes a float. Frames are
told apart by key, in any order of keys.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from typing import Literal

import msgspec


class FrameError(Exception):
    """A frame that cannot be understood.

    Where it `is_book`, it may have changed the books of `symbols`, of any where none is named.
    """

    def __init__(self, message: str, symbols: Sequence[str] = (), *, is_book: bool = False) -> None:
        super().__init__(message)
        self.symbols = tuple(symbols)
        self.is_book = is_book


NO_LEVELS = msgspec.Raw(b"[]")


class BookEntry(msgspec.Struct, gc=False):
    """One symbol's part of a book frame; `timestamp` was missing in older snapshots.

    The sides are JSON arrays as they were sent: `collector.kraken.levels` says what is in them.
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


class Heartbeat(msgspec.Struct):
    """The connection is alive."""


class System(msgspec.Struct):
    """The state of Kraken's engine: online, cancel_only, maintenance or post_only."""

    system: str


class Pair(msgspec.Struct):
    """A tradable pair; only what a book needs of it."""

    symbol: str
    price_precision: int
    qty_precision: int
    status: str = "online"


class Instruments(msgspec.Struct):
    """Pairs with their precisions: all of them, or those that have changed."""

    pairs: list[Pair] = []
    senseless: int = 0
    """How many pairs could not be understood."""
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


class Unknown(msgspec.Struct):
    """A frame of a channel or kind that we do not know; Kraken adds some over time."""

    what: str


Frame = BookFrame | Heartbeat | System | Instruments | Answer | Unknown


class _RawPairs(msgspec.Struct):
    pairs: list[msgspec.Raw] = []


class _Result(msgspec.Struct):
    channel: str | None = None
    symbol: str | None = None


class _Envelope(msgspec.Struct):
    channel: str | None = None
    type: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    method: str | None = None
    success: bool | None = None
    error: str | None = None
    # Seen with a capital: {"Error":"Exceeded msg rate"}.
    capital_error: str | None = msgspec.field(default=None, name="Error")
    symbol: str | None = None
    result: _Result | None = None
    req_id: int | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_book = msgspec.json.Decoder(BookFrame)
_raw_pairs = msgspec.json.Decoder(_RawPairs)
_pair = msgspec.json.Decoder(Pair)
_systems = msgspec.json.Decoder(list[System])

_SYMBOL = re.compile(rb'"symbol":\s*"([^"]+)"')

# What msgspec raises for bytes that are no JSON, are of another shape, or nest without end.
_NOT_UNDERSTOOD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# How book frames have begun whenever they were recorded. It only saves a first look: a book frame
# with its keys in another order is found by key.
_BOOK_PREFIX = b'{"channel":"book"'


def decode_frame(data: bytes) -> Frame:
    """What `data` says; raises FrameError where it cannot be understood."""
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
            return _instruments_in(envelope.data, is_snapshot=envelope.type == "snapshot")
        case "status":
            return (_systems.decode(envelope.data) or [System("unknown")])[0]
        case None:
            return _answer(envelope)
        case channel:
            return Unknown(f"channel {channel}")


def _decode_book(data: bytes) -> BookFrame:
    try:
        return _book.decode(data)
    except _NOT_UNDERSTOOD as error:
        raise FrameError(str(error), _symbols_in(data), is_book=True) from None


def _symbols_in(data: bytes) -> list[str]:
    # Also of a frame that is cut short, and is no JSON.
    return [name.decode(errors="replace") for name in _SYMBOL.findall(data)]


def _instruments_in(data: msgspec.Raw, *, is_snapshot: bool) -> Instruments:
    # One by one: a pair that cannot be understood must not hide the others.
    pairs = []
    raw_pairs = _raw_pairs.decode(data).pairs
    for raw in raw_pairs:
        with contextlib.suppress(*_NOT_UNDERSTOOD):
            pairs.append(_pair.decode(raw))
    return Instruments(pairs, len(raw_pairs) - len(pairs), is_snapshot)


def _answer(envelope: _Envelope) -> Answer | Unknown:
    error = envelope.error or envelope.capital_error
    if envelope.method is None and error is None:
        return Unknown("frame without channel or method")
    result = envelope.result or _Result()
    return Answer(
        method=envelope.method,
        success=envelope.success is not False and error is None,
        error=error,
        symbol=result.symbol or envelope.symbol,
        channel=result.channel,
        req_id=envelope.req_id,
    )
