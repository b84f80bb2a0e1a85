"""The keys. A book's two share a hash tag, so that one cluster slot, and one script, has both."""

from __future__ import annotations

WAKE = "kraken:wake"
SYMBOLS = "kraken:symbols"
FEED = "kraken:feed"

# A wake-up is read at once or not needed: readers sweep anyway.
WAKE_MAXLEN = 1000


def book_key(symbol: str) -> str:
    """Return the key of the hash of the latest verified book."""
    return f"kraken:book:{{{symbol}}}"


def events_key(symbol: str) -> str:
    """Return the key of the stream of the book's events."""
    return f"kraken:events:{{{symbol}}}"


def lease_key(shard: str) -> str:
    """Return the key of the lease of the shard `i/n`."""
    return f"kraken:lease:{{{shard}}}"
