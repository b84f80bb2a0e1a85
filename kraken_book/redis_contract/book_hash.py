"""The hash of a book: every field readable text, absent as the empty string."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import msgspec

from kraken_book.precision import Precision
from kraken_book.view import Best, BookView

Fields = list[str | int]
"""Field, value, field, value: as HSET takes them."""


def book_fields(view: BookView, status: str) -> Fields:
    """What the write script sets for a verified book, besides where it stands and its age."""
    bid, ask = view.best_bid, view.best_ask
    fields: dict[str, str | int] = {
        "price_precision": view.precision.price,
        "qty_precision": view.precision.qty,
        "checksum": view.checksum,
        "exchange_time": view.exchange_time or "",
        "best_bid": bid.price if bid else "",
        "best_bid_qty": bid.qty if bid else "",
        "best_ask": ask.price if ask else "",
        "best_ask_qty": ask.qty if ask else "",
        "spread": view.spread or "",
        "bids": view.bids,
        "asks": view.asks,
    }
    return [
        *status_fields(view.symbol, status, view.source, view.depth),
        *chain.from_iterable(fields.items()),
    ]


def status_fields(symbol: str, status: str, source: str, depth: int) -> Fields:
    """What is known of a symbol without a book; the script takes `status` for the first."""
    return ["status", status, "symbol", symbol, "source", source, "depth", depth]


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
    """The book in an HGETALL's reply, None where there is none; raises ValueError."""
    if not reply:
        return None
    text = {name.decode(): value.decode() for name, value in reply.items()}
    try:
        return BookHash(
            symbol=text["symbol"],
            status=text["status"],
            source=text["source"],
            view=_view(text) if text["seq"] else None,
            seq=int(text["seq"] or 0),
            epoch=int(text["epoch"] or 0),
            event_id=text["event_id"],
            confirmed_at=text["confirmed_at"],
            stream_seq=int(text["stream_seq"]),
            stream_id=text["stream_id"],
        )
    except KeyError as error:
        raise ValueError(f"the hash of a book has no field {error}") from None


def _view(text: Mapping[str, str]) -> BookView:
    return BookView(
        symbol=text["symbol"],
        source=text["source"],
        depth=int(text["depth"]),
        precision=Precision(int(text["price_precision"]), int(text["qty_precision"])),
        best_bid=Best(text["best_bid"], text["best_bid_qty"]) if text["best_bid"] else None,
        best_ask=Best(text["best_ask"], text["best_ask_qty"]) if text["best_ask"] else None,
        spread=text["spread"] or None,
        bids=text["bids"],
        asks=text["asks"],
        checksum=int(text["checksum"]),
        exchange_time=text["exchange_time"] or None,
    )
