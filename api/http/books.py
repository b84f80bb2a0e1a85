"""The routes about books: /symbols, /books, /depth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import cast

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from api.access.caller import caller_of
from api.http.answers import BookAnswer, BookSummary, Levels
from api.http.json_text import encode_json
from api.http.parameters import parse_levels, single
from api.http.problems import Problem, problem_of, refused_symbol, unavailable
from api.store.book_store import BookStore, BookWithAge
from api.store.directory import Directory
from api.store.errors import ApiError, CorruptBook, NoSuchSymbol, NoSymbols, redis_away
from kraken_book.book_snapshot import BookSnapshot
from kraken_book.contract.book_hash import BookHash
from kraken_book.contract.keys import book_key
from kraken_book.contract.symbol_state import SymbolState, SymbolStatus
from kraken_book.event import Status
from kraken_book.symbols import is_venue, venue_of
from kraken_book.words import explain, venue_title

Header = tuple[bytes, bytes]

SOURCE_HEADER, AGE_HEADER = "X-Book-Source", "X-Book-Age-Ms"
_AGE_NAME = AGE_HEADER.lower().encode()
TAG_BYTES = 12

_sides = msgspec.json.Decoder(list[msgspec.Raw])


class Books:
    """The handlers of the routes about books.

    Args:
        store: Reads books.
        directory: Finds symbols.
        max_age: Seconds without a confirmation after which a book is stale and /depth answers 503.
    """

    def __init__(self, store: BookStore, directory: Directory, max_age: float) -> None:
        self._store = store
        self._directory = directory
        self._max_age = max_age

    async def symbols(self, request: Request) -> Response:
        """Answer with the symbols that their venues acknowledged, sorted."""
        states = await self._directory.states(caller_of(request.scope).symbols)
        symbols = [symbol for symbol, state in states.items() if state.acknowledged]
        return list_response(request, symbols, source_of(states))

    async def books(self, request: Request) -> Response:
        """Answer with a summary of every configured book."""
        states = await self._directory.states(caller_of(request.scope).symbols)
        books = await self._read(list(states))
        rows = [
            summary_of(symbol, state, book, self._max_age)
            for (symbol, state), book in zip(states.items(), books, strict=True)
        ]
        # The tag does not change if books of the list only become older.
        ageless = [msgspec.structs.replace(row, age_ms=None) for row in rows]
        return list_response(request, rows, source_of(states), ageless)

    async def depth(self, request: Request) -> Response:
        """Answer with one book; raise Problem, with the last known one, if it is not current."""
        # Most requests have no query, and `query_params` would parse an empty one.
        query = request.scope["query_string"]
        levels = parse_levels(single(request.query_params, "levels")) if query else None
        book = await self.current(request, levels)
        etag, no_cache, source = _constant_headers(book.hash.event_id, book.hash.source)
        # `current` has refused a book of unknown age.
        age = book.age_ms or 0
        headers = [etag, no_cache, (_AGE_NAME, b"%d" % age), source]
        # The ETag does not depend on the status, so a book that is not live is always sent.
        asked = request.headers.get("If-None-Match")
        if asked and book.hash.status == "live" and has_tag(asked, etag[1].decode()):
            return _with_headers(Response(None, 304), headers)
        if levels is None:
            head, rest = _body_around_age(book.hash)
            body = b"%b%d%b" % (head, age, rest)
        else:
            body = encode_json(depth_body(book, levels, self._max_age))
        return _with_headers(Response(body, 200, media_type="application/json"), headers)

    async def current(self, request: Request, levels: int | None = None) -> BookWithAge:
        """Return the book that a path names; raise Problem if it is missing or too old."""
        # `levels` cuts the last known book in the problem.
        try:
            symbol = await self._directory.resolve(
                request.path_params["symbol"], caller_of(request.scope).symbols
            )
        except ApiError as error:
            # Without a symbol there is no last known book, so `book` is null.
            raise _with_book(problem_of(error), None, levels, self._max_age) from None
        try:
            book = await self._store.book(symbol)
        except (RedisError, OSError) as error:
            raise self._with_known(problem_of(redis_away(error)), symbol, levels) from error
        if book is None or book.hash.snapshot is None:
            raise self._with_known(await self._no_book(symbol), symbol, levels)
        if book.age_ms is None or book.age_ms > self._max_age * 1000:
            raise _with_book(await self._stale_book(symbol, book), book, levels, self._max_age)
        return book

    async def _read(self, symbols: list[str]) -> list[BookWithAge | None]:
        try:
            return await self._store.books(symbols)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error

    async def _no_book(self, symbol: str) -> Problem:
        """Return the problem of a symbol that has no book."""
        corruption = self._store.corruption(symbol)
        if corruption is not None:
            return problem_of(CorruptBook(book_key(symbol), corruption))
        try:
            states = await self._directory.states()
        except ApiError as error:
            return problem_of(error)
        state = states.get(symbol)
        if state is None:
            return problem_of(NoSuchSymbol(symbol, []) if states else NoSymbols())
        if state.status == "refused":
            return refused_symbol(symbol, state.reason)
        why = explain(state.status, state.reason, venue_of(symbol))
        return unavailable("no-book", f"there is no book of {symbol} now ({why})")

    async def _stale_book(self, symbol: str, book: BookWithAge) -> Problem:
        """Return the problem of a stale book."""
        try:
            state = (await self._directory.states()).get(symbol)
        except ApiError:
            state = None
        if state is not None and state.status == "refused":
            return refused_symbol(symbol, state.reason)
        if book.age_ms is None:
            why = f"the book of {symbol} has no credible time of its last confirmation"
        else:
            venue = venue_title(venue_of(symbol))
            why = f"the book of {symbol} was last confirmed to match {venue} {book.age_ms} ms ago"
        return unavailable("stale-book", why)

    def _with_known(self, problem: Problem, symbol: str, levels: int | None) -> Problem:
        """Return the problem with the book that this process read last."""
        return _with_book(problem, self._store.known(symbol), levels, self._max_age)


def _with_book(
    problem: Problem, book: BookWithAge | None, levels: int | None, max_age: float
) -> Problem:
    """Return the problem; if it is a 503, add the book, null if there is none."""
    if problem.status != 503:
        return problem
    problem.members["book"] = book and depth_body(book, levels, max_age)
    if book is not None:
        problem.headers.update(about(book))
    return problem


def about(book: BookWithAge) -> dict[str, str]:
    """Return the headers about a book, without the age if it is unknown."""
    age = {} if book.age_ms is None else {AGE_HEADER: str(book.age_ms)}
    return {**age, SOURCE_HEADER: book.hash.source}


@lru_cache(maxsize=1024)
def _constant_headers(event_id: str, source: str) -> tuple[Header, Header, Header]:
    """Return the headers of /depth that do not depend on the age, as ASGI has them."""
    return (
        (b"etag", f'W/"{event_id}"'.encode()),
        (b"cache-control", b"no-cache"),
        (SOURCE_HEADER.lower().encode(), source.encode()),
    )


def _with_headers(response: Response, headers: list[Header]) -> Response:
    """Return the response with these headers before its own.

    Starlette would encode each text again, for each response.
    """
    response.raw_headers = [*headers, *response.raw_headers]
    return response


# Two responses with the same book differ only in its age.
@lru_cache(maxsize=256)
def _body_around_age(stored: BookHash) -> tuple[bytes, bytes]:
    """Return the parts of the body of /depth for a whole book before and after the age."""
    body = encode_json(depth_body(BookWithAge(stored, 0), None, math.inf))
    # No text in the body can contain this, because JSON escapes quotes.
    head, age, rest = body.partition(_AGE_ZERO)
    return head + age[:-1], rest


_AGE_ZERO = b'"age_ms":0'


def depth_body(book: BookWithAge, levels: int | None, max_age: float) -> BookAnswer:
    """Return the body of /depth with the best `levels` of each side; None for all."""
    stored, view = book.hash, book.hash.snapshot
    assert view is not None, f"{stored.symbol} has no book"
    assert stored.position is not None
    return BookAnswer(
        symbol=stored.symbol,
        status=book.status(max_age),
        source=stored.source,
        proof=stored.proof,
        depth=view.depth,
        price_precision=view.precision.price,
        qty_precision=view.precision.qty,
        epoch=stored.position.epoch,
        seq=stored.position.seq,
        event_id=stored.event_id,
        checksum=view.checksum,
        exchange_time=view.exchange_time,
        confirmed_at=stored.confirmed_at or None,
        age_ms=book.age_ms,
        best_bid=view.best_bid,
        best_ask=view.best_ask,
        spread=view.spread,
        bids=_cut(view.bids, levels),
        asks=_cut(view.asks, levels),
    )


def has_tag(header: str, etag: str) -> bool:
    """Return whether an If-None-Match header matches `etag` by weak comparison."""
    if header == etag:
        return True
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return etag.removeprefix("W/") in tags or "*" in tags


def source_of(states: Mapping[str, SymbolState]) -> str:
    """Return the common source of the books.

    It is `replay` or `simulated` if one of them is, else the name of the venue, or the names of the
    venues with commas; `none` without books.
    """
    return common_source(state.source for state in states.values())


def common_source(of_books: Iterable[str]) -> str:
    """Return the common source of books with these sources, as `source_of` does."""
    sources = set(of_books)
    for unreal in ("replay", "simulated"):
        if unreal in sources:
            return unreal
    return ",".join(sorted(filter(is_venue, sources))) or "none"


def list_response(
    request: Request, content: object, source: str, tagged: object = None
) -> Response:
    """Return a JSON response, or a 304 if the client has it.

    Args:
        request: The request.
        content: The content.
        source: The source of the books.
        tagged: The part of the content that the tag depends on; by default all.
    """
    body = encode_json(content)
    seen = body if tagged is None else encode_json(tagged)
    tag = blake2b(seen, digest_size=TAG_BYTES, key=source.encode()).hexdigest()
    headers = {"ETag": f'W/"{tag}"', "Cache-Control": "no-cache", SOURCE_HEADER: source}
    asked = request.headers.get("If-None-Match")
    if asked and has_tag(asked, headers["ETag"]):
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")


def summary_of(
    symbol: str, state: SymbolState | None, book: BookWithAge | None, max_age: float
) -> BookSummary:
    """Return a book in short.

    Args:
        symbol: The symbol.
        state: Its state in the list of symbols; None if the list lacks it, although it has a book.
        book: The book, None if there is no readable one.
        max_age: Seconds without a confirmation after which a book is stale.
    """
    acknowledged = state is None or state.acknowledged
    view: BookSnapshot | None = book.hash.snapshot if book and acknowledged else None
    position = book.position if book and view else None
    status: Status | SymbolStatus = state.status if state else "live"
    if status == "live":
        # A symbol is not live without a readable book.
        status = book.status(max_age) if book else "syncing"
    described = state or (book.hash if book else None)
    return BookSummary(
        symbol=symbol,
        status=status,
        reason=state.reason if state else None,
        source=described.source if described else venue_of(symbol),
        proof=described.proof if described else None,
        age_ms=book.age_ms if book and view else None,
        best_bid=view.best_bid if view else None,
        best_ask=view.best_ask if view else None,
        spread=view.spread if view else None,
        seq=position.seq if position else None,
        epoch=position.epoch if position else None,
    )


def _cut(side: str, levels: int | None) -> Levels:
    # The levels are JSON already, and the encoder copies them.
    raw = msgspec.Raw(side.encode()) if levels is None else _sides.decode(side)[:levels]
    return cast("Levels", raw)
