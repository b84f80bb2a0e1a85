"""Keep the symbols of `*`: those that are listed, and those with a book.

`kraken:symbols` may be evicted, deleted or damaged while books and streams continue. So a symbol
does not leave `*` because it is missing from the list. It leaves if the list has it as refused, or
if its book is gone too.
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
# Symbols that have left and are remembered; a reader that resumes gets a status for each.
MAX_LEFT = 1000
NOT_LISTED = "not listed"


class Roster:
    """The symbols of `*` at the last `update`.

    Args:
        directory: Reads the list of symbols.
        store: Reads books of symbols that the list lacks.
        gone_after: Seconds after which a symbol without list entry and book leaves.
    """

    def __init__(
        self, directory: Directory, store: BookStore, gone_after: float = GONE_SECONDS
    ) -> None:
        self._directory = directory
        self._store = store
        self._gone_after = gone_after
        self._missing_since: dict[str, float] = {}
        self.symbols: dict[str, None] = {}
        """The symbols, in the order in which they joined."""
        self.read_at = monotonic()
        """When the list was read, by the monotonic clock; later symbols may be missing."""
        self.changes = 0
        """The number of times that `symbols` has changed."""
        self.left: dict[str, str] = {}
        """The reasons of the symbols that left, in the order in which they left."""
        self.refused: dict[str, str] = {}
        """The reasons of the symbols that the venue refuses, by the last list that had any."""

    async def update(self) -> None:
        """Update the symbols; raise ApiError, and change none, if the list cannot be read."""
        states = await self._directory.states()
        self.read_at = self._directory.read_at
        if states:
            self.refused = {
                symbol: state.reason or NOT_LISTED
                for symbol, state in states.items()
                if state.status == "refused"
            }
        for symbol, state in states.items():
            if state.acknowledged:
                self._add(symbol)
            elif state.status == "refused" and symbol in self.symbols:
                self._remove(symbol, self.refused[symbol])
        asked = [s for s, state in states.items() if state.status == "asked"]
        await self._update_books(
            [symbol for symbol in asked if symbol not in self.symbols],
            # An empty list is a lost one, so no symbol is missing from it.
            [symbol for symbol in self.symbols if states and symbol not in states],
        )

    async def _update_books(self, asked: list[str], missing: list[str]) -> None:
        """Add the `asked` symbols with a book, and remove `missing` ones without a book in time."""
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
                self._add(symbol)
        for symbol, since in list(self._missing_since.items()):
            if monotonic() - since >= self._gone_after:
                del self._missing_since[symbol]
                self._remove(symbol, NOT_LISTED)

    def _add(self, symbol: str) -> None:
        if symbol not in self.symbols:
            self.symbols[symbol] = None
            self.changes += 1
        if self.left:
            self.left.pop(symbol, None)

    def _remove(self, symbol: str, reason: str) -> None:
        if symbol not in self.symbols:
            return
        log.info("symbol left", symbol=symbol, reason=reason)
        del self.symbols[symbol]
        self.changes += 1
        self.left.pop(symbol, None)
        self.left[symbol] = reason
        while len(self.left) > MAX_LEFT:
            del self.left[next(iter(self.left))]
