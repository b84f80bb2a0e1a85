"""Ages of books that no step of a clock makes younger.

A book's `confirmed_at` and Redis's clock say an age. Either may be wrong: a failover to a server
whose clock is behind, a correction by NTP, a restored machine. So this process also counts, by its
own steady clock, since when it has seen the same confirmation.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

# Kraken lists 1,500 pairs; an entry takes some 250 bytes.
MAX_SYMBOLS = 20_000
# Confirmations are rounded, and servers that replace each other are this close to each other.
FUTURE_TOLERANCE = 1.0


class _Seen(NamedTuple):
    """Last confirmation that was believed, with its age when it was first seen here."""

    confirmed_at: int
    age_ms: int
    seen_at: float
    # An earlier confirmation that came after it, and is not believed until it is renewed.
    doubted: int | None = None


class Confirmations:
    """Last confirmations of symbols' books; the oldest are forgotten past `max_symbols`."""

    def __init__(
        self, max_symbols: int = MAX_SYMBOLS, future_tolerance: float = FUTURE_TOLERANCE
    ) -> None:
        self._max_symbols = max_symbols
        self._tolerance_ms = future_tolerance * 1000
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def age_ms(
        self, symbol: str, confirmed_at: int | None, redis_now: int, read_at: float
    ) -> int | None:
        """Return a book's age in milliseconds, None if nothing credible is known of it.

        The age is never less than the steady time since this confirmation was first seen. One that
        is later than Redis's clock is not believed; one that is earlier than the last is believed
        once it is renewed, as a collector that lives does each second. Until then the last one that
        was believed counts.

        Args:
            symbol: The symbol of the book.
            confirmed_at: What the hash says, Unix time in nanoseconds; None if that is no time.
            redis_now: Redis's clock in nanoseconds, when the hash was read.
            read_at: This process's steady clock in seconds, from before the hash was read.
        """
        seen = self._seen.get(symbol)
        said_ms = None if confirmed_at is None else (redis_now - confirmed_at) // 1_000_000
        if confirmed_at is None or said_ms is None or said_ms < -self._tolerance_ms:
            return None if seen is None else _counted(seen, read_at)
        said_ms = max(0, said_ms)
        if seen is None:
            return self._believe(symbol, confirmed_at, said_ms, read_at)
        if confirmed_at == seen.confirmed_at:
            self._seen.move_to_end(symbol)
            return max(said_ms, _counted(seen, read_at))
        if confirmed_at < seen.confirmed_at and not _is_renewed(seen, confirmed_at):
            self._seen[symbol] = seen._replace(doubted=confirmed_at)
            return max(said_ms, _counted(seen, read_at))
        return self._believe(symbol, confirmed_at, said_ms, read_at)

    def _believe(self, symbol: str, confirmed_at: int, age_ms: int, read_at: float) -> int:
        self._seen[symbol] = _Seen(confirmed_at, age_ms, read_at)
        self._seen.move_to_end(symbol)
        if len(self._seen) > self._max_symbols:
            self._seen.popitem(last=False)
        return age_ms


def _counted(seen: _Seen, now: float) -> int:
    return seen.age_ms + max(0, int((now - seen.seen_at) * 1000))


def _is_renewed(seen: _Seen, confirmed_at: int) -> bool:
    return seen.doubted is not None and confirmed_at > seen.doubted
