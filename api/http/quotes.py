"""The route /quote: what a market order would pay or receive."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.http.answers import Levels, QuoteAnswer
from api.http.books import Books, about
from api.http.json_text import encode_json
from api.http.parameters import parse_qty, parse_side
from api.store.book_store import BookWithAge
from kraken_book.quote import OrderSide, plain, quote

_levels = msgspec.json.Decoder(Levels)


class Quotes:
    """The handler of the route.

    Args:
        books: Finds current books.
        max_age: Seconds without a confirmation after which a book is stale.
    """

    def __init__(self, books: Books, max_age: float) -> None:
        self._books = books
        self._max_age = max_age

    async def quote(self, request: Request) -> Response:
        """Answer with the quote; raise Problem, with the last known book, if it is not current."""
        side, qty = parse_side(request.query_params), parse_qty(request.query_params)
        book = await self._books.current(request)
        answer = quote_answer(book, side, qty, self._max_age)
        headers = {"Cache-Control": "no-cache", **about(book)}
        return Response(encode_json(answer), 200, headers, "application/json")


def quote_answer(book: BookWithAge, side: OrderSide, qty: Decimal, max_age: float) -> QuoteAnswer:
    """Return the body of /quote for a market order at the levels of `book`."""
    stored, view = book.hash, book.hash.snapshot
    assert view is not None, f"{stored.symbol} has no book"
    assert stored.position is not None
    bids, asks = _levels.decode(view.bids), _levels.decode(view.asks)
    quoted = quote(side, qty, bids=bids, asks=asks)
    prices = [Decimal(price) for price, _ in (asks if side == "buy" else bids)]
    return QuoteAnswer(
        symbol=stored.symbol,
        status=book.status(max_age),
        source=stored.source,
        epoch=stored.position.epoch,
        seq=stored.position.seq,
        event_id=stored.event_id,
        exchange_time=view.exchange_time,
        confirmed_at=stored.confirmed_at or None,
        age_ms=book.age_ms,
        side=side,
        qty=plain(qty),
        filled=plain(quoted.filled),
        unfilled=plain(quoted.unfilled),
        total=plain(quoted.total),
        average=None if quoted.average is None else plain(quoted.average),
        worst=None if quoted.worst is None else plain(quoted.worst),
        levels=0 if quoted.worst is None else prices.index(quoted.worst) + 1,
    )
