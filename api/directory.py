"""Which symbols there are, by any spelling that people use."""

from __future__ import annotations

from time import monotonic

from redis.exceptions import RedisError

from api.joined_read import JoinedRead
from api.problems import redis_away, unavailable, unknown_symbol
from api.store import BookStore
from kraken_book.redis_contract.symbol_state import SymbolState
from kraken_book.symbols import SymbolIndex, nearest

# A symbol that has just been added is found so soon; unknown names cost at most one read each.
FRESH_SECONDS = 1.0


class Directory:
    """The configured symbols, read from Redis again when they may have changed."""

    def __init__(self, store: BookStore) -> None:
        self._store = store
        self._reading = JoinedRead(self._read)
        self._states: dict[str, SymbolState] = {}
        self._index = SymbolIndex()
        self._read_at = float("-inf")

    async def states(self) -> dict[str, SymbolState]:
        """Every configured symbol and what became of it; raises Problem where Redis is away."""
        if monotonic() - self._read_at >= FRESH_SECONDS:
            try:
                await self._reading.of(None)
            except (RedisError, OSError) as error:
                raise redis_away(error) from error
        return self._states

    async def _read(self, _all: None) -> None:
        self._states = await self._store.symbols()
        self._index = SymbolIndex(self._states)
        self._read_at = monotonic()

    async def resolve(self, name: str) -> str:
        """The symbol that `name` means; raises Problem: 404 with the nearest known ones.

        While none at all is known, which a collector will change, it is a 503.
        """
        if name in self._states:
            # Most ask by the name itself.
            return name
        symbol = self._index.find(name)
        if symbol is None:
            states = await self.states()
            symbol = self._index.find(name)
            if symbol is None and not states:
                raise unavailable("no-symbols", "no collector has told of its symbols yet")
            if symbol is None:
                raise unknown_symbol(name, nearest(name, states))
        return symbol
