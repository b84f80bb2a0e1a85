"""The keys in Redis.

A book's two keys share a hash tag, so that they are in one slot of a cluster and one script can
write both.
"""

from __future__ import annotations

__all__ = ["FEED", "SYMBOLS", "WAKE", "WAKE_MAXLEN", "book_key", "events_key", "lease_key"]

WAKE = "kraken:wake"
SYMBOLS = "kraken:symbols"
FEED = "kraken:feed"

# Readers read wake-ups at once. A lost one does no harm, because readers also sweep.
WAKE_MAXLEN = 1000


def book_key(symbol: str) -> str:
    """Return the key of the hash with the latest verified book."""
    return f"kraken:book:{{{symbol}}}"


def events_key(symbol: str) -> str:
    """Return the key of the stream of the book's events."""
    return f"kraken:events:{{{symbol}}}"


def lease_key(shard: str) -> str:
    """Return the key of the lease of the shard `i/n`."""
    return f"kraken:lease:{{{shard}}}"
