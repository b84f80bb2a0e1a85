"""Updates of the keys that all books of a venue share: `<venue>:symbols` and `<venue>:wake`.

In a cluster these keys may be on other nodes than the books. So their updates wait here until the
writer of their node takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import NamedTuple

from collector.feed.books import SymbolBook
from kraken_book.backoff import Backoff
from kraken_book.contract.keys import symbols_key, wake_key
from kraken_book.contract.symbol_state import SymbolState
from kraken_book.symbols import KRAKEN
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

# Seconds until a refused state is sent again: 0.25 to 0.5 at first, at last 2 to 4.
MIN_HOLD, MAX_HOLD = 0.25, 4.0


class SharedKeyUpdates(NamedTuple):
    """Updates for one node.

    Attributes:
        states: States to write to `<venue>:symbols`, by symbol.
        written: Symbols for `<venue>:wake`, with events that other nodes have written.
    """

    states: dict[str, SymbolState]
    written: set[str]


class SharedKeys:
    """Updates of the shared keys: each state once, until it changes or is repeated.

    Args:
        nodes: The nodes of Redis.
        shard: The shard in the states.
        on_update: Called with a node if an update for it was added.
        venue: The venue of the books.

    Attributes:
        symbols_key: The key of the states.
        wake_key: The key of the stream that wakes readers.
    """

    def __init__(
        self,
        nodes: Nodes,
        shard: str,
        on_update: Callable[[RedisNode], None],
        venue: str = KRAKEN,
    ) -> None:
        self.symbols_key, self.wake_key = symbols_key(venue), wake_key(venue)
        self._nodes = nodes
        self._shard = shard
        self._on_update = on_update
        self._known: dict[str, SymbolState] = {}
        self._states: dict[str, SymbolState] = {}
        self._written: set[str] = set()
        self._backoff = Backoff(MIN_HOLD, MAX_HOLD)
        self._states_held_until = 0.0

    def note_state(self, book: SymbolBook) -> None:
        """Add the book's state, unless it was added before."""
        state = book.state(self._shard)
        known = self._known.get(book.name)
        if known is not state and known != state:
            self._known[book.name] = self._states[book.name] = state
            if not self._is_held_back:
                self._on_update(self._nodes.of(self.symbols_key))

    def note_written(self, symbols: Iterable[str]) -> None:
        """Add symbols with written events, so that their readers are woken."""
        self._written.update(symbols)
        if self._written:
            self._on_update(self._nodes.of(self.wake_key))

    def take_updates(self, node: RedisNode) -> SharedKeyUpdates:
        """Remove and return the updates for `node`."""
        states: dict[str, SymbolState] = {}
        written: set[str] = set()
        if self._nodes.of(self.symbols_key) is node and not self._is_held_back:
            states, self._states = self._states, states
        if self._nodes.of(self.wake_key) is node:
            written, self._written = self._written, written
        return SharedKeyUpdates(states, written)

    def hold_back(self, symbols: Iterable[str]) -> None:
        """Repeat these states, which Redis refused, after a delay that grows each time."""
        for symbol in symbols:
            self.repeat(symbol)
        self._states_held_until = monotonic() + self._backoff.next()

    def accept(self) -> None:
        """Reset the delay, because Redis wrote the states."""
        self._backoff.reset()

    def repeat(self, symbol: str) -> None:
        """Add the symbol's state at the next `note_state`, even if it has not changed."""
        self._known.pop(symbol, None)

    def repeat_all(self) -> None:
        """Call `repeat` for every symbol."""
        self._known.clear()

    @property
    def _is_held_back(self) -> bool:
        return monotonic() < self._states_held_until
