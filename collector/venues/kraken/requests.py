"""What one connection asks of Kraken: paced, and with what is wanted of many symbols in one.

Pure; times are steady seconds, given by the caller.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from collector.feed.budget import Budget
from collector.venues.kraken import frames

# Kraken does not say how many requests it takes; one carries any number of symbols.
REQUESTS_PER_SECOND = 10
# After "Exceeded msg rate"; what was not answered is asked again in its own time.
RATE_PAUSE_SECONDS = 5.0
REMEMBERED_REQUESTS = 1000


class Sent(NamedTuple):
    """A request that was sent: for which symbols, none if it was for instruments, and when."""

    symbols: tuple[str, ...]
    at: float


class Requests:
    """The requests to be sent, in order; the books are all of one `depth`."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._pace = Budget(REQUESTS_PER_SECOND, 1.0)
        self._last_id = 0
        self._of_instruments: deque[tuple[int, str]] = deque()
        # By symbol, in order: with how many others it may be in one request.
        self._to_leave: dict[str, int | None] = {}
        self._to_ask: dict[str, int | None] = {}
        self._sent: dict[int, Sent] = {}

    def __bool__(self) -> bool:
        return bool(self._to_leave or self._of_instruments or self._to_ask)

    def ask(self, symbol: str, most_together: int | None = None) -> None:
        """Subscribe to a symbol's book, in a request of at most so many symbols."""
        self._to_ask[symbol] = most_together

    def leave(self, symbol: str, most_together: int | None = None) -> None:
        """Unsubscribe from a symbol's book, in a request of at most so many symbols."""
        self._to_ask.pop(symbol, None)
        self._to_leave[symbol] = most_together

    def forget(self, symbol: str) -> None:
        """Ask nothing of this symbol after all."""
        self._to_ask.pop(symbol, None)

    def ask_instruments(self, *, anew: bool = False) -> int:
        """Subscribe to the pairs; if `anew`, unsubscribe first. Return the request's number."""
        if anew:
            left = self._new_id()
            self._of_instruments.append((left, frames.unsubscribe_instruments(left)))
        asked = self._new_id()
        self._of_instruments.append((asked, frames.subscribe_instruments(asked)))
        return asked

    def next(self, now: float) -> str | None:
        """Return the request to send now, if there is one and the pace allows it."""
        if not self or not self._pace.take(now):
            return None
        # Leaving first, so that whatever is asked for anew has been left.
        if self._to_leave:
            symbols, req_id = _take_together(self._to_leave), self._new_id()
            self._remember(req_id, symbols, now)
            return frames.unsubscribe_books(symbols, self._depth, req_id)
        if self._of_instruments:
            req_id, request = self._of_instruments.popleft()
            self._remember(req_id, (), now)
            return request
        symbols, req_id = _take_together(self._to_ask), self._new_id()
        self._remember(req_id, symbols, now)
        return frames.subscribe_books(symbols, self._depth, req_id)

    def sent(self, req_id: int | None) -> Sent | None:
        """Return what was sent under this number, for an answer that names no symbol."""
        return None if req_id is None else self._sent.get(req_id)

    def pause(self, now: float) -> None:
        """Send nothing for a while: Kraken says that it was too much."""
        self._pace.pause(now + RATE_PAUSE_SECONDS)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _remember(self, req_id: int, symbols: tuple[str, ...], now: float) -> None:
        self._sent[req_id] = Sent(symbols, now)
        # Answers do not come much later.
        if len(self._sent) > REMEMBERED_REQUESTS:
            del self._sent[next(iter(self._sent))]


def _take_together(waiting: dict[str, int | None]) -> tuple[str, ...]:
    """Remove and return what may go in one request with the symbol that waits longest."""
    most = next(iter(waiting.values()))
    alike = [symbol for symbol, limit in waiting.items() if limit == most]
    together = tuple(alike if most is None else alike[:most])
    for symbol in together:
        del waiting[symbol]
    return together
