"""Look up configured symbols by name, in any spelling that users write."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from redis.exceptions import RedisError

from api.store.book_store import BookStore
from api.store.coalesce import SingleFlight
from api.store.errors import ApiError, CorruptSymbols, NoSuchSymbol, NoSymbols, redis_away
from kraken_book.contract.symbol_state import SymbolState
from kraken_book.selection import Selection
from kraken_book.symbols import (
    KRAKEN,
    SymbolIndex,
    is_symbol,
    normalize_symbol,
    pair_of,
    suggest_symbols,
    symbol_of,
    venue_of,
)

FRESH_SECONDS = 1.0
# Selections whose symbols are kept until the list is read again.
MAX_LISTINGS = 100


class _Listing:
    """The symbols that some callers may see, and their spellings."""

    def __init__(self, states: dict[str, SymbolState]) -> None:
        self.states = states
        self._index = SymbolIndex(states)

    def find(self, name: str) -> str | None:
        return name if name in self.states else self._index.find(name)


class Directory:
    """The configured symbols, read from Redis again if the last read is too old.

    For a caller that may see only some symbols, the others do not exist. What is read, and what a
    spelling means, depends only on the symbols that the caller may see, so that neither answers nor
    their times tell whether there are others.

    Args:
        store: Reads the list, and the books of symbols that the list lacks.
        fresh_seconds: Seconds for which the list is not read again. A new symbol is found after
            at most this time.
    """

    def __init__(self, store: BookStore, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._store = store
        self._fresh_seconds = fresh_seconds
        self._reading = SingleFlight(self._read)
        self._all = _Listing({})
        self._listings: dict[Selection, _Listing] = {}
        self.read_at = float("-inf")
        """When the last read of the list began, by the monotonic clock."""

    async def states(self, visible: Selection | None = None) -> dict[str, SymbolState]:
        """Return the states of the visible symbols, sorted; None is all. Raise ApiError."""
        # An empty list may be filled at any moment, and costs little to read.
        if not self._all.states or monotonic() - self.read_at >= self._fresh_seconds:
            try:
                await self._reading.get(None)
            except (RedisError, OSError) as error:
                raise redis_away(error) from error
        return self._listing(visible).states

    def last_states(self, visible: Selection | None = None) -> dict[str, SymbolState]:
        """Return the result of the last `states`, without a read."""
        return self._listing(visible).states

    async def _read(self, _all: None) -> None:
        begun = monotonic()
        self._all = _Listing(await self._store.symbols())
        self._listings.clear()
        self.read_at = begun

    def _listing(self, visible: Selection | None) -> _Listing:
        if visible is None:
            return self._all
        listing = self._listings.get(visible)
        if listing is None:
            states = self._all.states
            listing = _Listing({symbol: states[symbol] for symbol in visible.among(states)})
            while len(self._listings) >= MAX_LISTINGS:
                del self._listings[next(iter(self._listings))]
            self._listings[visible] = listing
        return listing

    async def resolve(self, name: str, visible: Selection | None = None) -> str:
        """Return the symbol called `name`.

        A symbol with a book in Redis is found even if the list is lost or lacks it.

        Args:
            name: The name in any spelling.
            visible: The symbols that the caller may see; None for all.

        Raises:
            NoSuchSymbol: No visible symbol has this name; the error suggests the nearest ones.
            NoSymbols: The list is empty, because no collector has written yet.
            ApiError: The list cannot be read.
        """
        symbol = self._listing(visible).find(name)
        if symbol is not None:
            return symbol
        spelt = _spellings(name, visible)
        try:
            states = await self.states(visible)
            symbol = self._listing(visible).find(name) or await self._with_book(spelt)
        except ApiError as error:
            symbol = await self._without_list(spelt, error)
            if symbol is None:
                raise
        if symbol is not None:
            return symbol
        if not self._all.states:
            raise NoSymbols
        raise NoSuchSymbol(name, suggest_symbols(name, states))

    async def symbols_of_pair(self, name: str, visible: Selection | None = None) -> list[str]:
        """Return the visible symbols of the pair called `name`, one for each venue that has it.

        Kraken is first, and the others are sorted. As in `resolve`, the list may lack a symbol with
        a book. ApiError is raised if the list cannot be read.

        Args:
            name: The name of the pair in any spelling, or a symbol of it.
            visible: The symbols that the caller may see; None for all.

        Raises:
            NoSuchSymbol: No visible symbol has this pair; the error suggests the nearest pairs.
            NoSymbols: The list is empty, because no collector has written yet.
        """
        states = await self.states(visible)
        venues = self._store.venues.known
        pair = self._pair(name, venues, visible)
        symbols = [symbol_of(venue, pair) for venue in venues] if pair else []
        if visible is not None:
            symbols = visible.among(symbols)
        known = {symbol for symbol in symbols if symbol in states}
        known.update(await self._all_with_book([each for each in symbols if each not in known]))
        if known:
            return [symbol for symbol in symbols if symbol in known]
        if not self._all.states:
            raise NoSymbols
        pairs = sorted({pair_of(symbol) for symbol in states})
        raise NoSuchSymbol(name, suggest_symbols(name, pairs))

    def _pair(self, name: str, venues: Iterable[str], visible: Selection | None) -> str | None:
        """Return the pair that `name` means, None if it cannot be one."""
        listing = self._listing(visible)
        for spelt in (name, *(f"{venue}:{name}" for venue in venues)):
            symbol = listing.find(spelt)
            if symbol is not None:
                return pair_of(symbol)
        symbol = normalize_symbol(name)
        return symbol if is_symbol(symbol) and venue_of(symbol) == KRAKEN else None

    async def _without_list(self, symbols: list[str], error: ApiError) -> str | None:
        """Return the first symbol that is known although the list cannot be read, or None."""
        for symbol in symbols:
            if self._store.known(symbol) is not None:
                return symbol
        return await self._with_book(symbols) if isinstance(error, CorruptSymbols) else None

    async def _with_book(self, symbols: list[str]) -> str | None:
        """Return the first symbol that has a book in Redis, else None."""
        return next(iter(await self._all_with_book(symbols)), None)

    async def _all_with_book(self, symbols: list[str]) -> list[str]:
        """Return the symbols that have a book in Redis."""
        if not symbols:
            return []
        try:
            books = await self._store.books(symbols)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        return [
            symbol
            for symbol, book in zip(symbols, books, strict=True)
            if book is not None or self._store.corruption(symbol) is not None
        ]


def _spellings(name: str, visible: Selection | None) -> list[str]:
    """Return the possible spellings of `name` in Redis that the caller may see."""
    spelt = [each for each in dict.fromkeys((name, normalize_symbol(name))) if is_symbol(each)]
    return spelt if visible is None else visible.among(spelt)
