"""A selection of symbols by names, wildcards and exclusions, parsed from one text.

A wildcard without a venue is of Kraken's symbols, except `*`, which is all symbols of all venues.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from kraken_book.symbols import (
    KRAKEN,
    MAX_SIDE_LENGTH,
    SIDE_CHARACTERS,
    is_symbol,
    normalize_symbol,
    split_venue,
    symbol_of,
)

__all__ = ["Selection", "is_wildcard", "parse_pairs", "parse_selection", "parse_wildcards"]

ALL = "*"
_ALL_OF_KRAKEN = "*/*"

# A wildcard may have one "*" more than the longest symbol, so that it can match that symbol.
_SIDE = rf"[*{SIDE_CHARACTERS}]{{1,{MAX_SIDE_LENGTH + 1}}}"
_WILDCARD = re.compile(rf"\*|{_SIDE}/{_SIDE}")


class Selection(NamedTuple):
    """Names as they were given, patterns such as `*/USD`, and patterns to exclude."""

    names: tuple[str, ...]
    patterns: tuple[str, ...]
    unwanted: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join((*self.names, *self.patterns, *(f"!{each}" for each in self.unwanted)))

    @property
    def is_all(self) -> bool:
        """Whether every symbol is selected."""
        return ALL in self.patterns and not self.unwanted

    def normalized(self) -> Selection:
        """Return the same selection in the venue's spelling, sorted: equal ones become equal."""
        return Selection(
            *(tuple(sorted({normalize_symbol(part) for part in parts})) for parts in self)
        )

    def selects(self, symbol: str) -> bool:
        """Return whether `symbol` is selected."""
        return bool(self.among((symbol,)))

    def among(self, symbols: Iterable[str]) -> list[str]:
        """Return those of `symbols` that are selected, in their order."""
        # Made for this call: fnmatch keeps only so many compiled patterns.
        names = frozenset(self.names)
        matches, excludes = _one_pattern(self.patterns), _one_pattern(self.unwanted)
        return [
            symbol
            for symbol in symbols
            if (symbol in names or matches(symbol)) and not excludes(symbol)
        ]

    def of(self, listed: Iterable[str]) -> tuple[str, ...]:
        """Return the selected symbols: the names, then the matching symbols of `listed`, sorted.

        A name is selected even if it is not listed, so that its refusal is reported.
        """
        matches, excludes = _one_pattern(self.patterns), _one_pattern(self.unwanted)
        matching = (symbol for symbol in sorted(listed) if matches(symbol))
        wanted = dict.fromkeys((*self.names, *matching))
        return tuple(symbol for symbol in wanted if not excludes(symbol))


def parse_selection(text: str) -> Selection:
    """Return the selection of a comma-separated text such as `BTC/EUR,binance:*/USDT,!USDT/USD`.

    Raises:
        ValueError: A part is neither a symbol nor a wildcard; the message names the first one.
    """
    selection = _selection([_parse_part(part) for part in _parts_of(text)])
    if not selection.patterns and not selection.of(()):
        raise ValueError("name at least one symbol such as BTC/USD, or a wildcard such as */USD")
    return selection


def parse_pairs(text: str, venue: str = KRAKEN) -> Selection:
    """Return the selection of one venue's pairs, such as `BTC/EUR,*/USD,!USDT/USD`.

    The names may begin with the venue; the selection has the pairs alone, and `*` is all of them.

    Raises:
        ValueError: A part is neither a symbol nor a wildcard, or is of another venue; the message
            names the first one.
    """
    pairs = []
    for part in _parts_of(text):
        name = part.removeprefix("!")
        its_venue, pair = split_venue(name)
        if its_venue != venue and pair != name:
            raise ValueError(f"{part!r} is of another venue: this list has symbols of {venue}")
        pairs.append(f"!{pair}" if part.startswith("!") else pair)
    return parse_selection(",".join(pairs))


def is_wildcard(part: str) -> bool:
    """Return whether a part is a wildcard such as `*/USD`, `binance:*` or `*`, or an exclusion."""
    return "*" in part or part.startswith("!")


def parse_wildcards(parts: Iterable[str]) -> Selection | None:
    """Return the normalized wildcards and exclusions among some parts, None if there are none.

    Exclusions may have any spelling, such as `!btc-usd`. A ValueError is raised if one is invalid,
    or if all are exclusions.
    """
    wild = [part for part in parts if is_wildcard(part)]
    if not wild:
        return None
    spelt = [part if "*" in part else f"!{normalize_symbol(part[1:])}" for part in wild]
    return parse_selection(",".join(spelt)).normalized()


def _parts_of(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _selection(parts: Iterable[str]) -> Selection:
    parts = dict.fromkeys(parts)
    wanted = [part for part in parts if not part.startswith("!")]
    return Selection(
        names=tuple(part for part in wanted if "*" not in part),
        patterns=tuple(part for part in wanted if "*" in part),
        unwanted=tuple(part[1:] for part in parts if part.startswith("!")),
    )


def _parse_part(part: str) -> str:
    """Return a part with its venue in lower case, and without one if it is Kraken.

    Raises:
        ValueError: It is neither a symbol nor a wildcard.
    """
    name = part.removeprefix("!")
    venue, pair = split_venue(name)
    if not (_WILDCARD.fullmatch(pair) if "*" in pair else is_symbol(pair) and ":" not in pair):
        raise ValueError(
            f"{part!r} is no symbol: use names such as BTC/USD or binance:BTC/USDT, wildcards such"
            " as */USD, binance:*/USDT or *, and !USDT/USD to exclude one, separated by commas"
        )
    if name != pair and pair == ALL:
        # Without a venue, this would be all symbols of all venues.
        pair = _ALL_OF_KRAKEN if venue == KRAKEN else ALL
    symbol = ALL if (venue, pair) == (ALL, ALL) else symbol_of(venue, pair)
    return f"!{symbol}" if part.startswith("!") else symbol


@lru_cache(maxsize=128)
def _one_pattern(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Return a function that tells whether a symbol matches one of many patterns."""
    # Without patterns it is an expression that nothing matches.
    return re.compile("|".join(map(_expression, patterns)) or r"(?!)").match


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern, which may also be a name."""
    if pattern == ALL:
        return r"(?s:.*)\Z"
    venue, colon, pair = pattern.rpartition(":")
    prefix = r"(?:[a-z0-9]+:)?" if venue == ALL else re.escape(venue + colon)
    return prefix + "[^:]*".join(map(re.escape, pair.split("*"))) + r"\Z"
