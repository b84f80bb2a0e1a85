"""The form of a symbol, and the spellings that people use for it: `BTC/USD`, `btc-usd`, `XBT/USD`.

One rule applies to the symbols that a feed lists, to KRAKEN_SYMBOLS and to the paths of the api.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import product

# Kraken's names before WebSocket v2. The feed refuses them, but people still type them.
OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
_OLD_BY_NEW = {new: old for old, new in OLD_NAMES.items()}

# Allowed because they are safe in Redis keys, in lists separated by commas and in paths.
SIDE_CHARACTERS = "A-Za-z0-9_.-"
MAX_SIDE_LENGTH = 40
_SIDE = f"[{SIDE_CHARACTERS}]{{1,{MAX_SIDE_LENGTH}}}"
_SYMBOL = re.compile(f"{_SIDE}/{_SIDE}")
# A symbol within a sentence; the sentence may end after it.
_MENTION = re.compile(f"(?<![{SIDE_CHARACTERS}/]){_SIDE}/{_SIDE}(?![{SIDE_CHARACTERS}/])")


def is_symbol(name: str) -> bool:
    """Return whether `name` has the form of a symbol, such as `BTC/USD` or `FOO-B/USD`."""
    return _SYMBOL.fullmatch(name) is not None


def mentioned(text: str) -> list[str]:
    """Return all symbols in a sentence, without the sentence's full stop."""
    return [name.rstrip(".") for name in _MENTION.findall(text)]


def normalize_symbol(name: str) -> str:
    """Return a form that is equal for all spellings of one symbol.

    In a name without a "/", as in a path, a single "-" becomes the "/". If such a name has several
    "-", the right one is unknown: they stay, and `SymbolIndex` finds the symbol.
    """
    name = name.strip("/").upper()
    if "/" not in name and name.count("-") == 1:
        name = name.replace("-", "/")
    return "/".join(OLD_NAMES.get(side, side) for side in name.split("/"))


def spellings(symbol: str) -> list[str]:
    """Return `symbol`, then its spellings with Kraken's old and new names."""
    names = [
        dict.fromkeys((side, OLD_NAMES.get(side, side), _OLD_BY_NEW.get(side, side)))
        for side in symbol.split("/")
    ]
    return ["/".join(sides) for sides in product(*names)]


class SymbolIndex:
    """Known symbols, which can be found by any spelling."""

    def __init__(self, symbols: Iterable[str] = ()) -> None:
        self._symbols = {symbol: symbol for symbol in symbols}
        self._by_normalized: dict[str, str] = {}
        # Spelled with "-" only; None if two symbols share that spelling.
        self._by_dashed: dict[str, str | None] = {}
        for symbol in self._symbols:
            self._by_normalized.setdefault(normalize_symbol(symbol), symbol)
            dashed = _dashed(symbol)
            self._by_dashed[dashed] = None if dashed in self._by_dashed else symbol

    def find(self, name: str) -> str | None:
        """Return the known symbol that `name` means; None if no symbol or several match."""
        found = self._symbols.get(name) or self._by_normalized.get(normalize_symbol(name))
        if found is None and "/" not in name.strip("/"):
            found = self._by_dashed.get(_dashed(name))
        return found


def suggest_symbols(name: str, symbols: Iterable[str], most: int = 3) -> list[str]:
    """Return the known symbols that are most similar to `name`, best first, at most `most`."""
    by_dashed: dict[str, list[str]] = {}
    for symbol in symbols:
        by_dashed.setdefault(_dashed(symbol), []).append(symbol)
    close = get_close_matches(_dashed(name), by_dashed, n=most, cutoff=0.5)
    return [symbol for match in close for symbol in by_dashed[match]][:most]


def _dashed(name: str) -> str:
    return normalize_symbol(name).replace("/", "-")
