"""Symbols that `*` means: those that are listed, and those that have a book without being listed.

`kraken:symbols` may be evicted, deleted or damaged while books and streams go on. So that a symbol
is absent from it says nothing by itself: a symbol leaves when it is said to be refused, or when its
book is gone too.
"""

from __future__ import annotations

from time import monotonic

from redis.exceptions import RedisError

from api.store.book_store import BookStore
from api.store.directory import Directory
from runtime.logs import get_logger

log = get_logger(__name__)

# Collectors write the list again within 10 s.
GONE_SECONDS = 15.0
# Symbols that have left; a reader that comes back gets a status for each.
MAX_LEFT = 1000
NOT_LISTED = "not listed"


class Roster:
    """Keeps the symbols of `*`, as of the last `look`.

    A symbol that is on no list and has no book leaves after `gone_after` seconds.
    """

    def __init__(
        self, directory: Directory, store: BookStore, gone_after: float = GONE_SECONDS
    ) -> None:
        self._directory = directory
        self._store = store
        self._gone_after = gone_after
        self._missing_since: dict[str, float] = {}
        self.symbols: dict[str, None] = {}
        """In the order in which they came."""
        self.left: dict[str, str] = {}
        """Why symbols have left, the last ones to leave last."""
        self.without_book: frozenset[str] = frozenset()
        """Symbols of which the list says that there is no book."""

    async def look(self) -> None:
        """Learn which symbols there are.

        Raises:
            ApiError: Redis is away, or the list cannot be read. What was known goes on to hold.
        """
        states = await self._directory.states()
        self.without_book = frozenset(s for s, state in states.items() if not state.acknowledged)
        for symbol, state in states.items():
            if state.acknowledged:
                self._come(symbol)
            elif state.status == "refused" and symbol in self.symbols:
                self._leave(symbol, state.reason or NOT_LISTED)
        asked = [s for s, state in states.items() if state.status == "asked"]
        await self._look_at_books(
            [symbol for symbol in asked if symbol not in self.symbols],
            # A list without any symbol is one that is gone.
            [symbol for symbol in self.symbols if states and symbol not in states],
        )

    async def _look_at_books(self, asked: list[str], missing: list[str]) -> None:
        """Let in those whose book is there, and let go those whose book is gone."""
        self._missing_since = {
            symbol: self._missing_since.get(symbol, monotonic()) for symbol in missing
        }
        if not asked and not missing:
            return
        try:
            found = await self._store.books([*asked, *missing])
        except (RedisError, OSError):
            return
        for symbol, book in zip([*asked, *missing], found, strict=True):
            if book is not None and book.position is not None:
                self._missing_since.pop(symbol, None)
                self._come(symbol)
        for symbol, since in list(self._missing_since.items()):
            if monotonic() - since >= self._gone_after:
                del self._missing_since[symbol]
                self._leave(symbol, NOT_LISTED)

    def _come(self, symbol: str) -> None:
        self.symbols[symbol] = None
        if self.left:
            self.left.pop(symbol, None)

    def _leave(self, symbol: str, reason: str) -> None:
        if symbol not in self.symbols:
            return
        log.info("symbol left", symbol=symbol, reason=reason)
        del self.symbols[symbol]
        self.left.pop(symbol, None)
        self.left[symbol] = reason
        while len(self.left) > MAX_LEFT:
            del self.left[next(iter(self.left))]
