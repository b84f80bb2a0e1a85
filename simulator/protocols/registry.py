"""The venues besides Kraken, whose markets or recordings `program` chooses itself.

A new venue is an import and one line here.
"""

from __future__ import annotations

from typing import Any

from simulator.protocols.binance.protocol import SimulatedBinance
from simulator.protocols.bitfinex.protocol import SimulatedBitfinex
from simulator.protocols.coinbase.protocol import SimulatedCoinbase
from simulator.protocols.pairs import MarketOptions
from simulator.protocols.synthetic_venue import SyntheticVenue
from simulator.protocols.venue import SimulatedVenue

_CLASSES: tuple[type[SyntheticVenue[Any, Any]], ...] = (
    SimulatedBinance,
    SimulatedBitfinex,
    SimulatedCoinbase,
)
_VENUES = {each.name: each for each in _CLASSES}
OTHER_VENUES = tuple(_VENUES)


def open_other_venue(name: str, options: MarketOptions) -> SimulatedVenue:
    """Return a venue with synthetic markets; ValueError if a symbol is wrong."""
    return _VENUES[name](options)


def check_symbols(name: str, symbols: tuple[str, ...]) -> None:
    """Raise ValueError if a venue can have no pair of one of these names."""
    _VENUES[name].pairs_type().profiles(symbols)
