"""Symbols as people write them: `BTC/USD`, `btc-usd`, `XBT/USD`."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Kraken's names before the WebSocket v2; the feed refuses them, people still type them.
OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}


def folded(name: str) -> str:
    """The form in which two spellings of one symbol are equal."""
    parts = name.strip("/").replace("-", "/").upper().split("/")
    return "/".join(OLD_NAMES.get(part, part) for part in parts)


def nearest(name: str, symbols: Iterable[str], most: int = 3) -> list[str]:
    """The known symbols that `name` may have meant, best first."""
    by_folded = {folded(symbol): symbol for symbol in symbols}
    close = get_close_matches(folded(name), by_folded, n=most, cutoff=0.5)
    return [by_folded[match] for match in close]
