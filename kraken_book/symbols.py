"""The form of a symbol, and the spellings that people use for it: `BTC/USD`, `btc-usd`, `XBT/USD`.

One rule applies to the symbols that a feed lists, to KRAKEN_SYMBOLS and to the paths of the api.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product

__all__ = [
    "MAX_SIDE_LENGTH",
    "MAX_SYMBOL_LENGTH",
    "OLD_NAMES",
    "SIDE_CHARACTERS",
    "SymbolIndex",
    "is_symbol",
    "mentioned",
    "normalize_symbol",
    "spellings",
    "suggest_symbols",
]

# Kraken's names before WebSocket v2. The feed refuses them, but people still type them.
OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
_OLD_BY_NEW = {new: old for old, new in OLD_NAMES.items()}

# Allowed because they are safe in Redis keys, in lists separated by commas and in paths.
SIDE_CHARACTERS = "A-Za-z0-9_.-"
MAX_SIDE_LENGTH = 40
_SIDE = f"[{SIDE_CHARACTERS}]{{1,{MAX_SIDE_LENGTH}}}"
_SYMBOL = re.compile(f"{_SIDE}/{_SIDE}")
MAX_SYMBOL_LENGTH = 2 * MAX_SIDE_LENGTH + 1
# What people write instead of the "/". A side may contain some of them too.
_SEPARATORS = re.compile("[-/_.: ]")
# Longer names without a separator are not split to find a symbol near them.
_MAX_JOINED_LENGTH = 24
# The shortest base that is recognised at the beginning of a name without a separator.
_MIN_JOINED_BASE = 3
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
        for symbol in self._symbols:
            self._by_normalized.setdefault(normalize_symbol(symbol), symbol)

    def find(self, name: str) -> str | None:
        """Return the known symbol that `name` means; None if no symbol or several match."""
        found = self._symbols.get(name) or self._by_normalized.get(normalize_symbol(name))
        if found is not None or "/" in name.strip("/"):
            return found
        return self._by_dashed.get(_dashed(name)) or self._by_joined.get(name.strip("/").upper())

    # Few names need these, so the first one pays for them.
    @cached_property
    def _by_dashed(self) -> dict[str, str | None]:
        """The symbols by their spelling with "-" only; None if several have the same."""
        return _by_unique((_dashed(symbol), symbol) for symbol in self._symbols)

    @cached_property
    def _by_joined(self) -> dict[str, str | None]:
        """The symbols by their spellings without a separator; None if several have the same."""
        return _by_unique(
            (_SEPARATORS.sub("", spelling), symbol)
            for symbol in self._symbols
            for spelling in spellings(symbol)
        )


def suggest_symbols(name: str, symbols: Iterable[str], most: int = 3) -> list[str]:
    """Return the known symbols that are near `name`, nearest first, at most `most`.

    A symbol is near if each side differs by at most one typo, if its sides are transposed, or if it
    is another quote of the same base.
    """
    if len(name) > MAX_SYMBOL_LENGTH + 1:  # the slash of a path
        return []
    pairs = list(_pairs_of(name))
    ranked = sorted(
        (rank, symbol) for symbol in symbols if (rank := _distance(pairs, symbol)) < _FAR
    )
    return [symbol for _, symbol in ranked[:most]]


_TYPO, _TRANSPOSED, _OTHER_QUOTE, _FAR = 1, 1, 3, 9


def _distance(pairs: list[tuple[str, str]], symbol: str) -> int:
    """Return how far a symbol is from the nearest base and quote, `_FAR` if it is not near."""
    base, _, quote = normalize_symbol(symbol).partition("/")
    nearest = _TRANSPOSED if (quote, base) in pairs else _FAR
    for its_base, its_quote in pairs:
        of_base = _typos(its_base, base)
        if of_base == _FAR:
            continue
        distance = of_base + _typos(its_quote, quote)
        if distance >= _FAR:
            distance = _OTHER_QUOTE if of_base == 0 else _FAR
        nearest = min(nearest, distance)
    return nearest


def _pairs_of(name: str) -> Iterator[tuple[str, str]]:
    """Yield each base and quote that `name` may mean, the quote empty if only a base is given."""
    parts = [OLD_NAMES.get(part, part) for part in _SEPARATORS.split(name.strip("/").upper())]
    if len(parts) > 1:
        for end in range(1, len(parts)):
            yield "-".join(parts[:end]), "-".join(parts[end:])
        return
    yield parts[0], ""
    joined = name.strip("/").upper()
    if len(joined) <= _MAX_JOINED_LENGTH:
        for end in range(_MIN_JOINED_BASE, len(joined)):
            base, quote = joined[:end], joined[end:]
            yield OLD_NAMES.get(base, base), OLD_NAMES.get(quote, quote)


def _typos(text: str, other: str) -> int:
    """Return 0 for equal texts, 1 for one typo, else `_FAR`.

    A typo is a missing, additional or wrong character, or two transposed ones. Texts of fewer than
    three characters have too many neighbours for a typo.
    """
    if text == other:
        return 0
    if abs(len(text) - len(other)) > 1 or min(len(text), len(other)) < 2:
        return _FAR
    start = next((at for at, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), -1)
    if start < 0:
        return _TYPO
    a, b = text[start:], other[start:]
    if a[1:] == b or a == b[1:]:
        return _TYPO
    is_long = len(text) >= 3
    is_near = a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
    return _TYPO if is_long and is_near else _FAR


def _by_unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Return the values by key, None for a key with several values."""
    found: dict[str, str | None] = {}
    for key, value in pairs:
        found[key] = value if found.get(key, value) == value else None
    return found


def _dashed(name: str) -> str:
    parts = _SEPARATORS.split(name.strip("/").upper())
    return "-".join(OLD_NAMES.get(part, part) for part in parts)
