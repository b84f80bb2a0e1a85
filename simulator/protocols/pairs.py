"""A venue's pairs: their profiles, their precisions and the venue's spelling."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, NamedTuple

from simulator.market.catalogue import CATALOGUE, Profile, profile_of

_LEVELS = 500
"""The maximum of levels a side without the option `--levels`."""


class MarketOptions(NamedTuple):
    """The options of synthetic markets."""

    symbols: tuple[str, ...] = ()
    """The pairs in any spelling; empty for the venue's whole list."""
    levels: int | None = None
    """The number of levels a side; None for some hundreds."""
    rate: float = 100.0
    seed: int = 1
    updates: int = 0
    rest_weight: int | None = None
    """The limit of REST's weight a minute; None for the venue's own."""
    heartbeat_seconds: int | None = None
    """The seconds after which a quiet channel has a heartbeat; None for the venue's own."""


class ListedPair(NamedTuple):
    """A pair of a venue's list, whose market is shaped like one of the catalogue."""

    symbol: str
    like: str
    price_precision: int
    qty_precision: int
    shift: int = 0
    """The further decimals that make all prices smaller."""


class ListedPairs(ABC):
    """The pairs of a venue.

    Args:
        levels: The number of levels a side; None for some hundreds.

    """

    venue: ClassVar[str]
    listed: ClassVar[tuple[ListedPair, ...]]
    """The venue's own list."""

    def __init__(self, levels: int | None = None) -> None:
        self._levels = levels
        self._profiles = {pair.symbol: self._profile(pair) for pair in self.listed}

    def profiles(self, names: Iterable[str]) -> list[Profile]:
        """Return the profiles of pairs in any spelling, or of all; ValueError if one is wrong."""
        symbols = dict.fromkeys(map(self.symbol_of, names)) or self._profiles
        return [self.profile_of(symbol) for symbol in symbols]

    def profile_of(self, symbol: str) -> Profile:
        """Return the profile of a pair, or one made up; ValueError if the symbol is malformed."""
        return self._profiles.get(symbol) or self._deep(profile_of(symbol))

    def symbol_of(self, text: str) -> str:
        """Return a pair as BASE/QUOTE for any of its spellings; other text unchanged."""
        symbol = text.removeprefix(f"{self.venue}:")
        return symbol if "/" in symbol else self.parsed(symbol)

    @abstractmethod
    def parsed(self, name: str) -> str:
        """Return the pair as BASE/QUOTE for the venue's spelling; other text unchanged."""

    @abstractmethod
    def name_of(self, symbol: str) -> str:
        """Return the venue's spelling of a pair."""

    def _profile(self, pair: ListedPair) -> Profile:
        shape = CATALOGUE[pair.like].at(pair.price_precision, pair.qty_precision)
        precision = pair.price_precision + pair.shift
        return self._deep(replace(shape, symbol=pair.symbol, price_precision=precision))

    def _deep(self, profile: Profile) -> Profile:
        if profile.may_empty:
            return profile
        if self._levels is None:
            return profile.with_levels(min(profile.levels, _LEVELS))
        return profile.with_levels(self._levels)
