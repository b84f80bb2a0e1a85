"""Compute ages of books that are never too low, even if a clock steps.

The age is Redis's clock minus the book's `confirmed_at`. Either may be wrong: after a failover to a
server with a late clock, a correction by NTP, or the restore of a machine. So this process also
measures by its monotonic clock for how long it has seen the same confirmation.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

# Kraken lists 1,500 pairs; an entry takes some 250 bytes.
MAX_SYMBOLS = 20_000
# Seconds: confirmations are rounded, and the clocks of a master and its replicas differ a little.
FUTURE_TOLERANCE = 1.0


class _Seen(NamedTuple):
    """The last accepted confirmation, and its age when it was first seen."""

    confirmed_at: int
    age_ms: int
    seen_at: float
    # An earlier confirmation that was read later; it is accepted when it is renewed.
    doubted: int | None = None


class Confirmations:
    """The last confirmations of the symbols' books, the oldest evicted beyond `max_symbols`."""

    def __init__(
        self, max_symbols: int = MAX_SYMBOLS, future_tolerance: float = FUTURE_TOLERANCE
    ) -> None:
        self._max_symbols = max_symbols
        self._tolerance_ms = future_tolerance * 1000
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def age_ms(
        self, symbol: str, confirmed_at: int | None, redis_now: int, read_at: float
    ) -> int | None:
        """Return a book's age in milliseconds, None if no credible confirmation is known.

        The age is never less than the time since this confirmation was first seen. A confirmation
        later than Redis's clock is rejected. A confirmation earlier than the last one is accepted
        when it is renewed, which a running collector does every second. Until then the age counts
        from the last accepted one.

        Args:
            symbol: The symbol of the book.
            confirmed_at: `confirmed_at` of the hash, Unix time in nanoseconds; None if invalid.
            redis_now: Redis's clock when the hash was read, in nanoseconds.
            read_at: The monotonic clock before the hash was read, in seconds.
        """
        seen = self._seen.get(symbol)
        clock_ms = None if confirmed_at is None else (redis_now - confirmed_at) // 1_000_000
        if confirmed_at is None or clock_ms is None or clock_ms < -self._tolerance_ms:
            return None if seen is None else _counted(seen, read_at)
        clock_ms = max(0, clock_ms)
        if seen is None:
            return self._accept(symbol, confirmed_at, clock_ms, read_at)
        if confirmed_at == seen.confirmed_at:
            self._seen.move_to_end(symbol)
            return max(clock_ms, _counted(seen, read_at))
        if confirmed_at < seen.confirmed_at and not _is_renewed(seen, confirmed_at):
            self._seen[symbol] = seen._replace(doubted=confirmed_at)
            return max(clock_ms, _counted(seen, read_at))
        return self._accept(symbol, confirmed_at, clock_ms, read_at)

    def _accept(self, symbol: str, confirmed_at: int, age_ms: int, read_at: float) -> int:
        self._seen[symbol] = _Seen(confirmed_at, age_ms, read_at)
        self._seen.move_to_end(symbol)
        if len(self._seen) > self._max_symbols:
            self._seen.popitem(last=False)
        return age_ms


def _counted(seen: _Seen, now: float) -> int:
    return seen.age_ms + max(0, int((now - seen.seen_at) * 1000))


def _is_renewed(seen: _Seen, confirmed_at: int) -> bool:
    return seen.doubted is not None and confirmed_at > seen.doubted
