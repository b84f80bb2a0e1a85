"""What is written of books in keys that all of them share: `kraken:wake` and `kraken:symbols`.

In a cluster these may lie on other nodes than the books, so updates of them wait here until the
writer of their node collects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import NamedTuple

from collector.feed.books import SymbolBook
from kraken_book.backoff import Backoff
from kraken_book.contract.keys import SYMBOLS, WAKE
from kraken_book.contract.symbol_state import SymbolState
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

# States that Redis refuses are tried again after 0.25 to 0.5 s, and at last every 2 to 4 s.
MIN_HOLD, MAX_HOLD = 0.25, 4.0


class SharedKeyUpdates(NamedTuple):
    """What one node is to be sent: symbols' states, and whose streams other nodes have written."""

    states: dict[str, SymbolState]
    written: set[str]


class SharedKeys:
    """Updates of the shared keys: each state once, and again when asked.

    Args:
        nodes: Tells which node has a key.
        shard: The shard that states name.
        on_update: Called with the node for which there is an update.
    """

    def __init__(self, nodes: Nodes, shard: str, on_update: Callable[[RedisNode], None]) -> None:
        self._nodes = nodes
        self._shard = shard
        self._on_update = on_update
        self._known: dict[str, SymbolState] = {}
        self._states: dict[str, SymbolState] = {}
        self._written: set[str] = set()
        self._backoff = Backoff(MIN_HOLD, MAX_HOLD)
        self._states_held_until = 0.0

    def note_state(self, book: SymbolBook) -> None:
        """Have the book's state written if it is not the one that was written last."""
        state = book.state(self._shard)
        known = self._known.get(book.symbol)
        if known is not state and known != state:
            self._known[book.symbol] = self._states[book.symbol] = state
            if not self._is_held_back:
                self._on_update(self._nodes.of(SYMBOLS))

    def note_written(self, symbols: Iterable[str]) -> None:
        """Have readers of these streams woken."""
        self._written.update(symbols)
        if self._written:
            self._on_update(self._nodes.of(WAKE))

    def take_updates(self, node: RedisNode) -> SharedKeyUpdates:
        """Remove and return what waits for `node`."""
        states: dict[str, SymbolState] = {}
        written: set[str] = set()
        if self._nodes.of(SYMBOLS) is node and not self._is_held_back:
            states, self._states = self._states, states
        if self._nodes.of(WAKE) is node:
            written, self._written = self._written, written
        return SharedKeyUpdates(states, written)

    def hold_back(self, symbols: Iterable[str]) -> None:
        """Write these states again, which Redis refused, after a while that grows each time."""
        for symbol in symbols:
            self.repeat(symbol)
        self._states_held_until = monotonic() + self._backoff.next()

    def accept(self) -> None:
        """Note that Redis wrote the states."""
        self._backoff.reset()

    def repeat(self, symbol: str) -> None:
        """Write the symbol's state once more when it is noted next, whatever it is."""
        self._known.pop(symbol, None)

    def repeat_all(self) -> None:
        """Do as `repeat` for every symbol."""
        self._known.clear()

    @property
    def _is_held_back(self) -> bool:
        return monotonic() < self._states_held_until
