"""What is said of books in keys that all of them share: `kraken:wake` and `kraken:symbols`.

In a cluster these may lie on other nodes than the books; what is said waits here for their node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import NamedTuple

from kraken_book.backoff import Backoff
from kraken_book.contract.keys import SYMBOLS, WAKE
from kraken_book.contract.symbol_state import SymbolState
from runtime.redis.exchange import RedisNode
from runtime.redis.nodes import Nodes

# States that Redis refuses are tried again after 0.25 to 0.5 s, and at last every 2 to 4 s.
LEAST_HOLD, MOST_HOLD = 0.25, 4.0


class News(NamedTuple):
    """What one node is to be told: symbols' states, and whose streams other nodes have written."""

    states: dict[str, SymbolState]
    written: set[str]


class Announcements:
    """Says each state once, and again when it is asked to; `on_news` hears for which node."""

    def __init__(self, nodes: Nodes, on_news: Callable[[RedisNode], None]) -> None:
        self._nodes = nodes
        self._on_news = on_news
        self._said: dict[str, SymbolState] = {}
        self._states: dict[str, SymbolState] = {}
        self._written: set[str] = set()
        self._backoff = Backoff(LEAST_HOLD, MOST_HOLD)
        self._states_held_until = 0.0

    def note_state(self, symbol: str, state: SymbolState) -> None:
        """Have `state` written, where another was said last."""
        said = self._said.get(symbol)
        if said is not state and said != state:
            self._said[symbol] = self._states[symbol] = state
            if not self._is_held:
                self._on_news(self._nodes.of(SYMBOLS))

    def note_written(self, symbols: Iterable[str]) -> None:
        """Wake readers of these streams."""
        self._written.update(symbols)
        if self._written:
            self._on_news(self._nodes.of(WAKE))

    def news_for(self, node: RedisNode) -> News:
        """What waits for `node`; it is taken to be told."""
        states, written = self._states, self._written
        if self._nodes.of(SYMBOLS) is node and not self._is_held:
            self._states = {}
        else:
            states = {}
        if self._nodes.of(WAKE) is node:
            self._written = set()
        else:
            written = set()
        return News(states, written)

    def refuse(self, symbols: Iterable[str]) -> None:
        """Redis refused the states of `symbols`: say them again after a while, longer each time."""
        for symbol in symbols:
            self.say_again(symbol)
        self._states_held_until = monotonic() + self._backoff.next()

    def accept(self) -> None:
        """Redis wrote what it was told of states."""
        self._backoff.reset()

    @property
    def _is_held(self) -> bool:
        return monotonic() < self._states_held_until

    def say_again(self, symbol: str) -> None:
        """Write the symbol's state once more when it is noted next, whatever it is."""
        self._said.pop(symbol, None)

    def say_all_again(self) -> None:
        """As `say_again`, of every symbol."""
        self._said.clear()
