"""What one connection asks of Kraken: paced, and with what is wanted of many symbols in one.

Pure; times are steady seconds, given by the caller.
"""

from __future__ import annotations

from collections import deque

from collector.budget import Budget
from collector.kraken import frames

# Kraken does not say how many requests it takes; one carries any number of symbols.
REQUESTS_PER_SECOND = 10
# After "Exceeded msg rate"; what was not answered is asked again in its own time.
RATE_PAUSE_SECONDS = 5.0
REMEMBERED_REQUESTS = 1000


class Requests:
    """The requests to be sent, in order; the books are all of one `depth`."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._pace = Budget(REQUESTS_PER_SECOND, 1.0)
        self._last_id = 0
        self._of_instruments: deque[str] = deque()
        # Sets in order.
        self._to_leave: dict[str, None] = {}
        self._to_ask: dict[str, None] = {}
        self._sent: dict[int, tuple[str, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._to_leave or self._of_instruments or self._to_ask)

    def ask(self, symbol: str) -> None:
        """Subscribe to a symbol's book."""
        self._to_ask[symbol] = None

    def leave(self, symbol: str) -> None:
        """Unsubscribe from a symbol's book."""
        self._to_ask.pop(symbol, None)
        self._to_leave[symbol] = None

    def forget(self, symbol: str) -> None:
        """Ask nothing of this symbol after all."""
        self._to_ask.pop(symbol, None)

    def ask_instruments(self, *, anew: bool = False) -> int:
        """Subscribe to the pairs, where `anew` after leaving them; the request's number."""
        if anew:
            self._of_instruments.append(frames.unsubscribe_instruments(self._new_id()))
        self._of_instruments.append(frames.subscribe_instruments(self._new_id()))
        return self._last_id

    def next(self, now: float) -> str | None:
        """The request to send now, if there is one and the pace allows it."""
        if not self or not self._pace.take(now):
            return None
        # Leaving first, so that whatever is asked for anew has been left.
        if self._to_leave:
            symbols, self._to_leave = tuple(self._to_leave), {}
            return frames.unsubscribe_books(symbols, self._depth, self._new_id(symbols))
        if self._of_instruments:
            return self._of_instruments.popleft()
        symbols, self._to_ask = tuple(self._to_ask), {}
        return frames.subscribe_books(symbols, self._depth, self._new_id(symbols))

    def symbols_of(self, req_id: int | None) -> tuple[str, ...]:
        """The symbols of a request that was sent, for an answer that names none."""
        return self._sent.get(req_id or 0, ())

    def pause(self, now: float) -> None:
        """Send nothing for a while: Kraken says that it was too much."""
        self._pace.pause(now + RATE_PAUSE_SECONDS)

    def _new_id(self, symbols: tuple[str, ...] = ()) -> int:
        self._last_id += 1
        if symbols:
            self._sent[self._last_id] = symbols
        # Answers do not come much later.
        if len(self._sent) > REMEMBERED_REQUESTS:
            del self._sent[next(iter(self._sent))]
        return self._last_id
