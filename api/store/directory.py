"""Which symbols there are, by any spelling that people use."""

from __future__ import annotations

from time import monotonic

from redis.exceptions import RedisError

from api.http.problems import Problem, corrupt_key, no_symbols, redis_away, unknown_symbol
from api.store.book_store import BookStore, CorruptSymbols
from api.store.single_flight import JoinedRead
from kraken_book.contract.keys import SYMBOLS
from kraken_book.contract.symbol_state import SymbolState
from kraken_book.symbols import SymbolIndex, is_symbol, normalize_symbol, suggest_symbols

# A symbol that has just been added is found after this time; unknown names cost one read of the
# list in it at most, and one of the book that they would have.
FRESH_SECONDS = 1.0

CORRUPT_SYMBOLS = "corrupt-symbols"


class Directory:
    """The configured symbols, read from Redis again when they may have changed."""

    def __init__(self, store: BookStore) -> None:
        self._store = store
        self._reading = JoinedRead(self._read)
        self._states: dict[str, SymbolState] = {}
        self._index = SymbolIndex()
        self._read_at = float("-inf")

    async def states(self) -> dict[str, SymbolState]:
        """Return every configured symbol and what became of it.

        Raises Problem if Redis is away, or the list is none.
        """
        # An empty list may be filled at any moment, and costs next to nothing.
        if not self._states or monotonic() - self._read_at >= FRESH_SECONDS:
            try:
                await self._reading.of(None)
            except CorruptSymbols as corrupt:
                raise corrupt_key(CORRUPT_SYMBOLS, SYMBOLS, corrupt.corruption) from corrupt
            except (RedisError, OSError) as error:
                raise redis_away(error) from error
        return self._states

    def last_states(self) -> dict[str, SymbolState]:
        """Return what `states` answered last; asks nobody."""
        return self._states

    async def _read(self, _all: None) -> None:
        self._states = await self._store.symbols()
        self._index = SymbolIndex(self._states)
        self._read_at = monotonic()

    async def resolve(self, name: str) -> str:
        """Return the symbol that `name` means.

        A symbol whose book is in Redis is known without the list, which may be lost or lack it.
        Raises Problem: 404 with the nearest known symbols; 503 if the list cannot be read, or is
        empty, which a collector will change.
        """
        if name in self._states:
            # Most ask by the name itself.
            return name
        symbol = self._index.find(name)
        if symbol is not None:
            return symbol
        try:
            states = await self.states()
        except Problem as problem:
            symbol = await self._without_list(name, problem)
            if symbol is None:
                raise
            return symbol
        symbol = self._index.find(name) or await self._with_book(name)
        if symbol is not None:
            return symbol
        if not states:
            raise no_symbols()
        raise unknown_symbol(name, suggest_symbols(name, states))

    async def _without_list(self, name: str, problem: Problem) -> str | None:
        """Return the symbol that `name` means while the list cannot be read, if that is known."""
        for symbol in _spellings(name):
            if self._store.known(symbol) is not None:
                return symbol
        return await self._with_book(name) if problem.name == CORRUPT_SYMBOLS else None

    async def _with_book(self, name: str) -> str | None:
        """Return the symbol that `name` means and that has a book in Redis, if there is one."""
        symbols = _spellings(name)
        if not symbols:
            return None
        try:
            books = await self._store.books(symbols)
        except (RedisError, OSError) as error:
            raise redis_away(error) from error
        for symbol, book in zip(symbols, books, strict=True):
            if book is not None or self._store.corruption(symbol) is not None:
                return symbol
        return None


def _spellings(name: str) -> list[str]:
    """Return how the symbol that `name` means may be spelled in Redis."""
    return [each for each in dict.fromkeys((name, normalize_symbol(name))) if is_symbol(each)]
