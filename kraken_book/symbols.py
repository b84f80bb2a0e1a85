"""The form of a symbol, and the spellings that people use for it.

A symbol is a venue and a pair, such as `binance:BTC/USDT`. Kraken's symbols are the pair alone,
such as `BTC/USD`, which people also write `btc-usd`, `XBT/USD` and `kraken:BTC/USD`.

One rule applies to the pairs that a venue lists, to the settings and to the paths of the api.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import product

__all__ = [
    "KRAKEN",
    "MAX_SIDE_LENGTH",
    "MAX_SYMBOL_LENGTH",
    "OLD_NAMES",
    "SIDE_CHARACTERS",
    "SymbolIndex",
    "is_symbol",
    "is_venue",
    "mentioned",
    "normalize_symbol",
    "pair_of",
    "spellings",
    "split_venue",
    "suggest_symbols",
    "symbol_of",
    "venue_of",
]

KRAKEN = "kraken"
"""The venue of symbols that name none."""

# Kraken's names before WebSocket v2. The feed refuses them, but people still type them.
OLD_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
_OLD_BY_NEW = {new: old for old, new in OLD_NAMES.items()}

# Allowed because they are safe in Redis keys, in lists separated by commas and in paths.
SIDE_CHARACTERS = "A-Za-z0-9_.-"
MAX_SIDE_LENGTH = 40
_SIDE = f"[{SIDE_CHARACTERS}]{{1,{MAX_SIDE_LENGTH}}}"
_MAX_VENUE_LENGTH = 20
_VENUE = f"[a-z][a-z0-9]{{1,{_MAX_VENUE_LENGTH - 1}}}"
_VENUE_NAME = re.compile(_VENUE)
# Kraken's own symbols have no prefix.
_SYMBOL = re.compile(f"(?:(?!{KRAKEN}:){_VENUE}:)?{_SIDE}/{_SIDE}")
# People write venues in any case. A wildcard may have all venues.
_PREFIX = re.compile(rf"(\*|{_VENUE}):(?=.)", re.IGNORECASE | re.ASCII | re.DOTALL)
MAX_SYMBOL_LENGTH = _MAX_VENUE_LENGTH + 1 + 2 * MAX_SIDE_LENGTH + 1
# What people write instead of the "/". A side may contain some of them too.
_SEPARATORS = re.compile("[-/_.: ]")
# Longer names without a separator are not split to find a symbol near them.
_MAX_JOINED_LENGTH = 24
# The shortest base that is recognised at the beginning of a name without a separator.
_MIN_JOINED_BASE = 3
# A symbol within a sentence; the sentence may end after it.
_MENTION = re.compile(f"(?<![{SIDE_CHARACTERS}/]){_SIDE}/{_SIDE}(?![{SIDE_CHARACTERS}/])")


def is_symbol(name: str) -> bool:
    """Return whether `name` has the form of a symbol, such as `BTC/USD` or `binance:FOO-B/USDT`."""
    return _SYMBOL.fullmatch(name) is not None


def is_venue(name: str) -> bool:
    """Return whether `name` has the form of a venue's name, such as `binance`."""
    return _VENUE_NAME.fullmatch(name) is not None


def venue_of(symbol: str) -> str:
    """Return the venue of a symbol: the name before the colon, or Kraken."""
    venue, colon, _ = symbol.partition(":")
    return venue if colon else KRAKEN


def pair_of(symbol: str) -> str:
    """Return the pair of a symbol, such as `BTC/USDT`, as it is named within its venue's keys."""
    return symbol.partition(":")[2] or symbol


# The events of a book have its name, which is one of few.
@lru_cache(maxsize=65_536)
def symbol_of(venue: str, pair: str) -> str:
    """Return the symbol of a venue's pair."""
    return pair if venue == KRAKEN else f"{venue}:{pair}"


def split_venue(name: str) -> tuple[str, str]:
    """Return the venue that `name` begins with, in lower case, and the rest as it is written.

    Without a venue it is Kraken's. `*` stands for all venues.
    """
    prefix = _PREFIX.match(name)
    return (prefix[1].lower(), name[prefix.end() :]) if prefix else (KRAKEN, name)


def mentioned(text: str) -> list[str]:
    """Return all symbols in a sentence, without the sentence's full stop."""
    return [name.rstrip(".") for name in _MENTION.findall(text)]


def normalize_symbol(name: str) -> str:
    """Return a form that is equal for all spellings of one symbol.

    In a name without a "/", as in a path, a single "-" becomes the "/". If such a name has several
    "-", the right one is unknown: they stay, and `SymbolIndex` finds the symbol.
    """
    venue, pair = split_venue(name.strip("/"))
    pair = pair.upper()
    if "/" not in pair and pair.count("-") == 1:
        pair = pair.replace("-", "/")
    if venue != KRAKEN:
        return f"{venue}:{pair}"
    return "/".join(OLD_NAMES.get(side, side) for side in pair.split("/"))


def spellings(symbol: str) -> list[str]:
    """Return `symbol`, then its spellings with Kraken's old and new names, if it is Kraken's."""
    if venue_of(symbol) != KRAKEN:
        return [symbol]
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
        venue, pair = split_venue(name.strip("/"))
        found = self._by_dashed.get(_dashed(venue, pair)) or self._by_joined.get(
            symbol_of(venue, pair.upper())
        )
        # A colon may also separate base and quote: `btc:usd`.
        return found or self._by_dashed.get(_dashed(KRAKEN, name))

    # Few names need these, so the first one pays for them.
    @cached_property
    def _by_dashed(self) -> dict[str, str | None]:
        """The symbols by their spelling with "-" only; None if several have the same."""
        return _by_unique((_dashed(*split_venue(symbol)), symbol) for symbol in self._symbols)

    @cached_property
    def _by_joined(self) -> dict[str, str | None]:
        """The symbols by their spellings without a separator; None if several have the same."""
        return _by_unique(
            (symbol_of(venue_of(symbol), _SEPARATORS.sub("", pair_of(spelling))), symbol)
            for symbol in self._symbols
            for spelling in spellings(symbol)
        )


def suggest_symbols(name: str, symbols: Iterable[str], most: int = 3) -> list[str]:
    """Return the known symbols that are near `name`, nearest first, at most `most`.

    First come symbols of the same pair at other venues, which leave one place for the next ones. A
    symbol of the same venue is near if each side differs by at most one typo, if its sides are
    transposed, or if it is another quote of the same base. The venue may have a typo, too.
    """
    if len(name) > MAX_SYMBOL_LENGTH + 1:  # the slash of a path
        return []
    venue, pair = split_venue(name.strip("/"))
    pairs = list(_pairs_of(pair, venue))
    elsewhere, near = [], []
    same_pair: dict[str, str] = {}
    for symbol in symbols:
        its_venue = venue_of(symbol)
        if its_venue not in same_pair:
            same_pair[its_venue] = normalize_symbol(symbol_of(its_venue, pair))
        of_venue = _typos(venue, its_venue)
        if its_venue != venue and symbol == same_pair[its_venue]:
            elsewhere.append((of_venue, symbol))
        elif (rank := of_venue + _distance(pairs, symbol)) < _FAR:
            near.append((rank, symbol))
    elsewhere.sort()
    first = elsewhere[: most - 1]
    ranked = [*first, *sorted(near), *elsewhere[len(first) :]]
    return [symbol for _, symbol in ranked[:most]]


_TYPO, _TRANSPOSED, _OTHER_QUOTE, _FAR = 1, 1, 3, 9


def _distance(pairs: list[tuple[str, str]], symbol: str) -> int:
    """Return how far a symbol's pair is from the nearest base and quote, `_FAR` if it is not near.

    The venue of the symbol does not count.
    """
    base, _, quote = pair_of(normalize_symbol(symbol)).partition("/")
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


def _pairs_of(name: str, venue: str) -> Iterator[tuple[str, str]]:
    """Yield each base and quote that `name` may mean, the quote empty if only a base is given."""
    new_names = OLD_NAMES if venue == KRAKEN else {}
    parts = [new_names.get(part, part) for part in _SEPARATORS.split(name.strip("/").upper())]
    if len(parts) > 1:
        for end in range(1, len(parts)):
            yield "-".join(parts[:end]), "-".join(parts[end:])
        return
    yield parts[0], ""
    joined = name.strip("/").upper()
    if len(joined) <= _MAX_JOINED_LENGTH:
        for end in range(_MIN_JOINED_BASE, len(joined)):
            base, quote = joined[:end], joined[end:]
            yield new_names.get(base, base), new_names.get(quote, quote)


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


def _dashed(venue: str, pair: str) -> str:
    """Return a pair with "-" instead of all separators, and its venue."""
    parts = _SEPARATORS.split(pair.strip("/").upper())
    if venue == KRAKEN:
        parts = [OLD_NAMES.get(part, part) for part in parts]
    return symbol_of(venue, "-".join(parts))
