"""Answers of `/depth` and `/symbols`, valid or not."""

from __future__ import annotations

from typing import Any

import msgspec

from kraken_book.book import Book
from lab.canned_api import EPOCH, Answer, answer
from lab.written_books import CONFIRMED_AT, SYMBOL, book_at

PROBLEM = "content-type: application/problem+json"
JSON = "content-type: application/json"


def depth_members(seq: int, symbol: str = SYMBOL, **members: object) -> dict[str, Any]:
    """Return the body of `/depth` for `book_at(seq)`, with other members if they are given."""
    book: Book = book_at(seq, symbol)
    bid, ask = book.bids.best, book.asks.best
    assert bid is not None
    assert ask is not None
    return {
        "symbol": symbol,
        "status": "live",
        "source": "simulated",
        "proof": "checksum",
        "depth": book.depth,
        "price_precision": book.precision.price,
        "qty_precision": book.precision.qty,
        "epoch": EPOCH,
        "seq": seq,
        "event_id": f"1000-{seq}",
        "checksum": book.checksum(),
        "exchange_time": None,
        "confirmed_at": CONFIRMED_AT,
        "age_ms": 12,
        "best_bid": {"price": bid.price, "qty": bid.qty},
        "best_ask": {"price": ask.price, "qty": ask.qty},
        "spread": book.spread,
        "bids": [list(level) for level in book.bids],
        "asks": [list(level) for level in book.asks],
    } | members


def depth(seq: int, symbol: str = SYMBOL, **members: object) -> Answer:
    """Return a 200 of `/depth`."""
    return answer(200, msgspec.json.encode(depth_members(seq, symbol, **members)), JSON)


def problem_of(status: int, code: str, *headers: str, **members: object) -> Answer:
    """Return a problem of a kraken-book api."""
    body = {"type": f"urn:kraken-book:{code}", "status": status, "detail": f"{code} it is"}
    return answer(status, msgspec.json.encode(body | members), PROBLEM, *headers)
