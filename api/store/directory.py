"""Look up configured symbols by name, in any spelling that users write."""

from __future__ import annotations

from time import monotonic

from redis.exceptions import RedisError

from api.store.book_store import BookStore
from api.store.coalesce import SingleFlight
from api.store.errors import ApiError, CorruptSymbols, NoSuchSymbol, NoSymbols, redis_away
from kraken_book.contract.symbol_state import SymbolState
from kraken_book.selection import Selection
from kraken_book.symbols import SymbolIndex, is_symbol, normalize_symbol, suggest_symbols

FRESH_SECONDS = 1.0


class Directory:
    """The configured symbols, read from Redis again if the last read is too old.

    Args:
        store: Reads the list, and the books of symbols that the list lacks.
        fresh_seconds: Seconds for which the list is not read again. A new symbol is found after
            at most this time.
    """

    def __init__(self, store: BookStore, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._store = store
        self._fresh_seconds = fresh_seconds
        self._reading = SingleFlight(self._read)
        self._states: dict[str, SymbolState] = {}
        self._index = SymbolIndex()
        self._read_at = float("-inf")

    async def states(self, visible: Selection | None = None) -> dict[str, SymbolState]:
        """Return the states of the visible symbols, sorted; None is all. Raise ApiError."""
        # An empty list may be filled at any moment, and costs little to read.
        if not self._states or monotonic() - self._read_at >= self._fresh_seconds:
            try:
                await self._reading.get(None)
            except (RedisError, OSError) as error:
                raise redis_away(error) from error
        return self.last_states(visible)

    def last_states(self, visible: Selection | None = None) -> dict[str, SymbolState]:
        """Return the result of the last `states`, without a read."""
        if visible is None:
            return self._states
        return {name: state for name, state in self._states.items() if visible.selects(name)}

    async def _read(self, _all: None) -> None:
        self._states = await self._store.symbols()
        self._index = SymbolIndex(self._states)
        self._read_at = monotonic()

    async def resolve(self, name: str, visible: Selection | None = None) -> str:
        """Return the symbol called `name`.

        A symbol with a book in Redis is found even if the list is lost or lacks it. One that the
        caller may not see is not found, as if it did not exist. Another ApiError than those below
        means that the list cannot be read.

        Args:
            name: The name in any spelling.
            visible: The symbols that the caller may see; None for all.

        Raises:
            NoSuchSymbol: No symbol has this name; the error suggests the nearest ones.
            NoSymbols: The list is empty, because no collector has written yet.
        """
        symbol = await self._resolve(name)
        if symbol is not None and (visible is None or visible.selects(symbol)):
            return symbol
        states = await self.states(visible)
        if not self._states:
            raise NoSymbols
        if visible is not None:
            # A name is not ambiguous because of a symbol that does not exist for the caller.
            symbol = SymbolIndex(states).find(name)
            if symbol is not None:
                return symbol
        raise NoSuchSymbol(name, suggest_symbols(name, states))

    async def _resolve(self, name: str) -> str | None:
        """Return the symbol called `name`, None if there is none; raise ApiError."""
        if name in self._states:
            return name
        symbol = self._index.find(name)
        if symbol is not None:
            return symbol
        try:
            await self.states()
        except ApiError as error:
            symbol = await self._without_list(name, error)
            if symbol is None:
                raise
            return symbol
        return self._index.find(name) or await self._with_book(name)

    async def _without_list(self, name: str, error: ApiError) -> str | None:
        """Return the symbol called `name` although the list cannot be read, None if unknown."""
        for symbol in _spellings(name):
            if self._store.known(symbol) is not None:
                return symbol
        return await self._with_book(name) if isinstance(error, CorruptSymbols) else None

    async def _with_book(self, name: str) -> str | None:
        """Return the symbol called `name` if it has a book in Redis, else None."""
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
    """Return the possible spellings of `name` in Redis."""
    return [each for each in dict.fromkeys((name, normalize_symbol(name))) if is_symbol(each)]
