"""The route /best/{pair}: the best bid and ask of one pair over all venues.

The prices of different venues have different numbers of decimals, so they are compared exactly, as
decimals. `best_stream` has the route that streams the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from api.access.caller import caller_of
from api.http.answers import BestAnswer, BestLevel, BestOfVenues, BookSummary, VenueBook
from api.http.books import common_source, list_response, summary_of
from api.store.book_store import BookStore, BookWithAge
from api.store.directory import Directory
from api.store.errors import redis_away
from kraken_book.contract.symbol_state import SymbolState
from kraken_book.level import Best
from kraken_book.quote import plain
from kraken_book.selection import Selection
from kraken_book.symbols import pair_of, venue_of

# A price has at most 40 digits and 40 decimals. The trap proves that differences are exact.
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation])


class BestRoute:
    """The handler of the route, and the source of the best prices for streams.

    Args:
        store: Reads books.
        directory: Finds symbols.
        max_age: Seconds without a confirmation after which a book is stale.
    """

    def __init__(self, store: BookStore, directory: Directory, max_age: float) -> None:
        self._store = store
        self._directory = directory
        self._max_age = max_age

    async def best(self, request: Request) -> Response:
        """Answer with the best prices of a pair; raise ApiError if no venue has it."""
        name, visible = request.path_params["pair"], caller_of(request.scope).symbols
        answer = await self.read(await self._directory.symbols_of_pair(name, visible), visible)
        ageless = [msgspec.structs.replace(each, age_ms=None) for each in answer.venues]
        tagged = msgspec.structs.replace(answer, venues=ageless)
        return list_response(request, answer, source_of_venues(answer), tagged)

    async def symbols(self, pair: str, visible: Selection | None) -> list[str]:
        """Return the visible symbols of a pair in any spelling; raise ApiError if there is none."""
        return await self._directory.symbols_of_pair(pair, visible)

    async def read(self, symbols: Sequence[str], visible: Selection | None) -> BestAnswer:
        """Return the best prices of one pair; raise ApiError if Redis cannot be read.

        Args:
            symbols: The symbols of the pair, one for each venue.
            visible: The symbols that the caller may see; None for all.
        """
        states = await self._directory.states(visible)
        return self._answer(symbols, states, await self._read(symbols))

    def known(self, symbols: Sequence[str], visible: Selection | None) -> BestAnswer:
        """Return the best prices from the last known books, without a read.

        No book is `live`, because nothing confirms it at present.

        Args:
            symbols: As for `read`.
            visible: As for `read`.
        """
        states = self._directory.last_states(visible)
        return self._answer(symbols, states, [self._store.known(symbol) for symbol in symbols])

    def _answer(
        self,
        symbols: Sequence[str],
        states: Mapping[str, SymbolState],
        books: Sequence[BookWithAge | None],
    ) -> BestAnswer:
        summaries = [
            summary_of(symbol, states.get(symbol), book, self._max_age)
            for symbol, book in zip(symbols, books, strict=True)
        ]
        return best_answer(pair_of(symbols[0]), summaries)

    async def _read(self, symbols: Sequence[str]) -> list[BookWithAge | None]:
        try:
            return await self._store.books(symbols)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error


def source_of_venues(answer: BestAnswer) -> str:
    """Return the common source of the books of an answer."""
    return common_source(each.source for each in answer.venues)


def best_answer(pair: str, summaries: Sequence[BookSummary]) -> BestAnswer:
    """Return the body of /best for the books of one pair, at most one book for each venue."""
    venues = [
        VenueBook(venue=venue_of(each.symbol), **msgspec.structs.asdict(each)) for each in summaries
    ]
    return BestAnswer(pair=pair, best=best_of_venues(venues), venues=venues)


def best_of_venues(venues: Sequence[VenueBook]) -> BestOfVenues:
    """Return the best bid and ask over the live books.

    Of equal prices, the one with the larger quantity is returned; if the quantities are equal too,
    that of the first venue.
    """
    live = [each for each in venues if each.status == "live"]
    bids = [_at(each, each.best_bid) for each in live if each.best_bid]
    asks = [_at(each, each.best_ask) for each in live if each.best_ask]
    bid, ask = max(bids, key=_bid_rank, default=None), min(asks, key=_ask_rank, default=None)
    if bid is None or ask is None:
        return BestOfVenues(bid=bid, ask=ask, spread=None, is_crossed=False)
    spread = _EXACT.subtract(Decimal(ask.price), Decimal(bid.price))
    return BestOfVenues(bid=bid, ask=ask, spread=plain(spread), is_crossed=spread <= 0)


def _at(book: VenueBook, best: Best) -> BestLevel:
    return BestLevel(venue=book.venue, symbol=book.symbol, price=best.price, qty=best.qty)


def _bid_rank(level: BestLevel) -> tuple[Decimal, Decimal]:
    return Decimal(level.price), Decimal(level.qty)


def _ask_rank(level: BestLevel) -> tuple[Decimal, Decimal]:
    # Unlike `-`, `copy_negate` never rounds.
    return Decimal(level.price), Decimal(level.qty).copy_negate()
