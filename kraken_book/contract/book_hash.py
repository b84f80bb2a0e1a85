"""The hash of a book: every field readable text, absent as the empty string."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from kraken_book.level import Best
from kraken_book.precision import Precision
from kraken_book.view import BookView

_FIELDS = """
symbol status source depth price_precision qty_precision epoch seq event_id checksum exchange_time
confirmed_at best_bid best_bid_qty best_ask best_ask_qty spread bids asks stream_seq stream_id
"""
HASH_FIELDS = tuple(_FIELDS.split())
"""What `parse_book_hash` needs of a hash."""

# Larger ones are nobody's, and no JSON could be made of them.
_MOST = 2**63
_EVENT_ID = re.compile(r"\d{1,20}-\d{1,20}", re.ASCII)
_SOURCE = re.compile(r"[\w.-]+", re.ASCII)
_levels = msgspec.json.Decoder(list[tuple[str, str]])

Values = list[str | int]
"""Values of a hash's fields in the order of `STATUS_FIELDS` or `BOOK_FIELDS`."""

# The write script knows these orders: a call carries the values alone, which takes Redis a tenth
# less time, and the collector a quarter.
STATUS_FIELDS = ("status", "symbol", "source", "depth")
_OF_BOOK = """
price_precision qty_precision checksum exchange_time best_bid best_bid_qty best_ask best_ask_qty
spread bids asks
"""
BOOK_FIELDS = (*STATUS_FIELDS, *_OF_BOOK.split())


def book_values(view: BookView, status: str) -> Values:
    """What the write script sets for a verified book, besides where it stands and its age."""
    bid, ask = view.best_bid, view.best_ask
    return [
        *status_values(view.symbol, status, view.source, view.depth),
        view.precision.price,
        view.precision.qty,
        view.checksum,
        view.exchange_time or "",
        *((bid.price, bid.qty) if bid else ("", "")),
        *((ask.price, ask.qty) if ask else ("", "")),
        view.spread or "",
        view.bids,
        view.asks,
    ]


def status_values(symbol: str, status: str, source: str, depth: int) -> Values:
    """What is known of a symbol without a book."""
    return [status, symbol, source, depth]


class BookHash(msgspec.Struct, frozen=True):
    """What the hash says: a symbol's status and, unless none was ever verified, its book.

    `seq`, `epoch` and `event_id` say where that book stands in the stream; `stream_id` and
    `stream_seq` where the stream itself does. Times are RFC 3339.
    """

    symbol: str
    status: str
    source: str
    view: BookView | None
    seq: int
    epoch: int
    event_id: str
    confirmed_at: str
    stream_seq: int
    stream_id: str


def parse_book_hash(reply: Mapping[bytes, bytes]) -> BookHash | None:
    """The book in the hash's fields, None where there are none.

    Raises ValueError where they are no book: what is returned can be written as JSON and into an
    HTTP header, the sides as they are.
    """
    if not reply:
        return None
    text = {name.decode(): value.decode() for name, value in reply.items()}
    try:
        return BookHash(
            symbol=text["symbol"],
            status=text["status"],
            source=_checked(_SOURCE, text["source"]),
            view=_view(text) if text["seq"] else None,
            seq=_number(text["seq"] or "0"),
            epoch=_number(text["epoch"] or "0"),
            event_id=_checked(_EVENT_ID, text["event_id"]) if text["seq"] else "",
            confirmed_at=text["confirmed_at"],
            stream_seq=_number(text["stream_seq"]),
            stream_id=_checked(_EVENT_ID, text["stream_id"]),
        )
    except KeyError as error:
        raise ValueError(f"the hash of a book has no field {error}") from None


def _view(text: Mapping[str, str]) -> BookView:
    return BookView(
        symbol=text["symbol"],
        source=text["source"],
        depth=_number(text["depth"]),
        precision=Precision(_number(text["price_precision"]), _number(text["qty_precision"])),
        best_bid=Best(text["best_bid"], text["best_bid_qty"]) if text["best_bid"] else None,
        best_ask=Best(text["best_ask"], text["best_ask_qty"]) if text["best_ask"] else None,
        spread=text["spread"] or None,
        bids=_side(text["bids"]),
        asks=_side(text["asks"]),
        checksum=_number(text["checksum"]),
        exchange_time=text["exchange_time"] or None,
    )


def _side(text: str) -> str:
    try:
        _levels.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"a side of the book is no list of levels: {error}") from None
    return text


def _number(text: str) -> int:
    number = int(text)
    if not 0 <= number < _MOST:
        raise ValueError(f"{number} is no number of a book")
    return number


def _checked(form: re.Pattern[str], text: str) -> str:
    if not form.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not what the hash of a book has there")
    return text
