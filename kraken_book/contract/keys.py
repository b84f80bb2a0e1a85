"""The keys in Redis.

Each venue has its own keys, which begin with its name. A book's two keys share a hash tag, so that
they are in one slot of a cluster and one script can write both.
"""

from __future__ import annotations

from functools import lru_cache

from kraken_book.symbols import KRAKEN, pair_of, venue_of

__all__ = [
    "FEED",
    "MAX_VENUES",
    "SYMBOLS",
    "VENUES",
    "WAKE",
    "WAKE_MAXLEN",
    "book_key",
    "events_key",
    "feed_key",
    "lease_key",
    "symbols_key",
    "wake_key",
]

VENUES = "kraken-book:venues"
"""The set of the venues that have had a leading collector."""

# Readers follow at most so many venues, because each makes every wait for new events longer.
MAX_VENUES = 16

# Readers read wake-ups at once. A lost one does no harm, because readers also sweep.
WAKE_MAXLEN = 1000


# A key is needed for each write and each read of a book.
@lru_cache(maxsize=16_384)
def book_key(symbol: str) -> str:
    """Return the key of the hash with the latest verified book."""
    return f"{venue_of(symbol)}:book:{{{pair_of(symbol)}}}"


@lru_cache(maxsize=16_384)
def events_key(symbol: str) -> str:
    """Return the key of the stream of the book's events."""
    return f"{venue_of(symbol)}:events:{{{pair_of(symbol)}}}"


def wake_key(venue: str) -> str:
    """Return the key of the stream that names the pairs of each flush."""
    return f"{venue}:wake"


def symbols_key(venue: str) -> str:
    """Return the key of the hash with the state of each pair."""
    return f"{venue}:symbols"


def feed_key(venue: str) -> str:
    """Return the key of the hash with a report of each shard."""
    return f"{venue}:feed"


def lease_key(shard: str, venue: str = KRAKEN) -> str:
    """Return the key of the lease of the venue's shard `i/n`."""
    return f"{venue}:lease:{{{shard}}}"


WAKE, SYMBOLS, FEED = wake_key(KRAKEN), symbols_key(KRAKEN), feed_key(KRAKEN)
"""Kraken's."""
