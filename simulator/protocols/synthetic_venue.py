"""A venue with synthetic markets of its listed pairs: what all venues besides Kraken share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, TypeVar

from simulator.market.catalogue import Profile
from simulator.market.exchange import Exchange
from simulator.market.listing import Listing, S
from simulator.market.market import Market
from simulator.protocols.pairs import ListedPairs, MarketOptions
from simulator.protocols.venue import SimulatedVenue

P = TypeVar("P", bound=ListedPairs)
"""The type of a venue's pairs."""


class SyntheticVenue(SimulatedVenue, Generic[S, P]):
    """A venue as its clients see it, with synthetic markets.

    Args:
        options: The markets.

    Raises:
        ValueError: A symbol is wrong.

    """

    pairs_type: type[P]
    """The class of the venue's pairs."""

    def __init__(self, options: MarketOptions) -> None:
        super().__init__()
        self._pairs = self.pairs_type(options.levels)
        self._exchange: Exchange[S] = Exchange(
            self,
            self._pairs.profiles(options.symbols),
            seed=options.seed,
            rate=options.rate,
            updates=options.updates,
        )

    @property
    def exchange(self) -> Exchange[Any]:
        """The synthetic markets."""
        return self._exchange

    @abstractmethod
    def listing_of(self, market: Market) -> Listing[S]:
        """Return a new listing of a market."""

    def profile_of(self, symbol: str) -> Profile:
        """Return the profile of a pair; ValueError if the symbol is malformed."""
        return self._pairs.profile_of(symbol)

    def symbol_of(self, text: str) -> str:
        """Return a pair as BASE/QUOTE for the venue's spelling, or for `venue:BASE/QUOTE`."""
        return self._pairs.symbol_of(text)

    async def run(self) -> None:
        """Serve all sessions until cancelled."""
        await self._exchange.run()
