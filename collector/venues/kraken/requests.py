"""The requests of one session: limited in rate, and each for many symbols.

They do no I/O and read no clock; the caller passes steady seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from collector.feed.budget import Budget
from collector.venues.subscription import take_together

# Kraken does not document its limit. One request can name any number of symbols.
REQUESTS_PER_SECOND = 10
# The pause after "Exceeded msg rate". Unanswered requests are repeated later, by the subscriber.
RATE_PAUSE = 5.0
MAX_REMEMBERED = 1000


class SentRequest(NamedTuple):
    """A request that was sent at the time `at`; `symbols` is empty for one of instruments."""

    symbols: tuple[str, ...]
    at: float


class Requests:
    """The requests to send, in order; all books have the same `depth`."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._pace = Budget(REQUESTS_PER_SECOND, 1.0)
        self._last_id = 0
        self._of_instruments: deque[tuple[int, str]] = deque()
        # In order, the most symbols that each symbol's request may have; None for no limit.
        self._to_leave: dict[str, int | None] = {}
        self._to_ask: dict[str, int | None] = {}
        self._sent: dict[int, SentRequest] = {}

    def __bool__(self) -> bool:
        return bool(self._to_leave or self._of_instruments or self._to_ask)

    def ask(self, symbol: str, max_together: int | None = None) -> None:
        """Subscribe to a symbol's book, in a request of at most `max_together` symbols."""
        self._to_ask[symbol] = max_together

    def leave(self, symbol: str, max_together: int | None = None) -> None:
        """Unsubscribe from a symbol's book, in a request of at most `max_together` symbols."""
        self._to_ask.pop(symbol, None)
        self._to_leave[symbol] = max_together

    def forget(self, symbol: str) -> None:
        """Drop the request to subscribe to a symbol's book, if it was not sent yet."""
        self._to_ask.pop(symbol, None)

    def ask_instruments(self, *, again: bool = False) -> int:
        """Subscribe to the pairs; if `again`, unsubscribe first. Return the request's id."""
        if again:
            left = self._new_id()
            self._of_instruments.append((left, unsubscribe_instruments(left)))
        asked = self._new_id()
        self._of_instruments.append((asked, subscribe_instruments(asked)))
        return asked

    def next_request(self, now: float) -> str | None:
        """Return the request to send now; None if no request waits or the rate is too high."""
        if not self or not self._pace.take(now):
            return None
        # A book must be unsubscribed before it can be subscribed to again.
        if self._to_leave:
            symbols, req_id = take_together(self._to_leave), self._new_id()
            self._remember(req_id, symbols, now)
            return unsubscribe_books(symbols, self._depth, req_id)
        if self._of_instruments:
            req_id, request = self._of_instruments.popleft()
            self._remember(req_id, (), now)
            return request
        symbols, req_id = take_together(self._to_ask), self._new_id()
        self._remember(req_id, symbols, now)
        return subscribe_books(symbols, self._depth, req_id)

    def find_sent(self, req_id: int | None) -> SentRequest | None:
        """Return the request of this id, if it is remembered; an answer may name no symbol."""
        return None if req_id is None else self._sent.get(req_id)

    def pause(self, now: float) -> None:
        """Send nothing for `RATE_PAUSE`, because Kraken reported too many requests."""
        self._pace.pause(now + RATE_PAUSE)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _remember(self, req_id: int, symbols: tuple[str, ...], now: float) -> None:
        self._sent[req_id] = SentRequest(symbols, now)
        # Answers to much older requests do not come any more.
        if len(self._sent) > MAX_REMEMBERED:
            del self._sent[next(iter(self._sent))]


def subscribe_instruments(req_id: int) -> str:
    """Return the request for pairs and their precisions."""
    return _request("subscribe", {"channel": "instrument"}, req_id)


def unsubscribe_instruments(req_id: int) -> str:
    """Return the request that ends the subscription to pairs."""
    return _request("unsubscribe", {"channel": "instrument"}, req_id)


def subscribe_books(symbols: Sequence[str], depth: int, req_id: int) -> str:
    """Return the request for the books of `symbols`; Kraken answers for each symbol."""
    params = {"channel": "book", "symbol": list(symbols), "depth": depth, "snapshot": True}
    return _request("subscribe", params, req_id)


def unsubscribe_books(symbols: Sequence[str], depth: int, req_id: int) -> str:
    """Return the request that ends the subscriptions to the books of `symbols`."""
    params = {"channel": "book", "symbol": list(symbols), "depth": depth}
    return _request("unsubscribe", params, req_id)


def _request(method: str, params: dict[str, object], req_id: int) -> str:
    return msgspec.json.encode({"method": method, "params": params, "req_id": req_id}).decode()
