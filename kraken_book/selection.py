"""A selection of symbols by names, wildcards and exclusions, parsed from one text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import NamedTuple

from kraken_book.symbols import MAX_SIDE_LENGTH, SIDE_CHARACTERS, is_symbol, normalize_symbol

__all__ = ["Selection", "parse_selection"]

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
        return "*" in self.patterns and not self.unwanted

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
        matching = (symbol for symbol in sorted(listed) if _matches(symbol, self.patterns))
        wanted = dict.fromkeys((*self.names, *matching))
        return tuple(symbol for symbol in wanted if not _matches(symbol, self.unwanted))


def parse_selection(text: str) -> Selection:
    """Return the selection of a comma-separated text such as `BTC/EUR,*/USD,!USDT/USD`.

    Raises:
        ValueError: A part is neither a symbol nor a wildcard; the message names the first one.
    """
    parts = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for part in parts:
        if not _is_symbol_or_wildcard(part.removeprefix("!")):
            raise ValueError(
                f"{part!r} is no symbol: use names such as BTC/USD, wildcards such as */USD or *,"
                " and !USDT/USD to exclude one, separated by commas"
            )
    wanted = [part for part in parts if not part.startswith("!")]
    selection = Selection(
        names=tuple(part for part in wanted if "*" not in part),
        patterns=tuple(part for part in wanted if "*" in part),
        unwanted=tuple(part[1:] for part in parts if part.startswith("!")),
    )
    if not selection.patterns and not selection.of(()):
        raise ValueError("name at least one symbol such as BTC/USD, or a wildcard such as */USD")
    return selection


def _is_symbol_or_wildcard(name: str) -> bool:
    return bool(_WILDCARD.fullmatch(name)) if "*" in name else is_symbol(name)


@lru_cache(maxsize=128)
def _one_pattern(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Return a function that tells whether a symbol matches one of many patterns."""
    # Without patterns it is an expression that nothing matches.
    return re.compile("|".join(map(translate, patterns)) or r"(?!)").match


def _matches(symbol: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(symbol, pattern) for pattern in patterns)
