"""The venues besides Kraken, whose markets or recordings `program` chooses itself."""

from __future__ import annotations

from collections.abc import Callable

from simulator.protocols.binance.pairs import BinancePairs
from simulator.protocols.binance.protocol import SimulatedBinance
from simulator.protocols.bitfinex.pairs import BitfinexPairs
from simulator.protocols.bitfinex.protocol import SimulatedBitfinex
from simulator.protocols.coinbase.pairs import CoinbasePairs
from simulator.protocols.coinbase.protocol import SimulatedCoinbase
from simulator.protocols.pairs import ListedPairs, MarketOptions
from simulator.protocols.venue import SimulatedVenue

_PROTOCOLS: dict[str, Callable[[MarketOptions], SimulatedVenue]] = {
    "binance": SimulatedBinance,
    "bitfinex": SimulatedBitfinex,
    "coinbase": SimulatedCoinbase,
}
_PAIRS: dict[str, type[ListedPairs]] = {
    "binance": BinancePairs,
    "bitfinex": BitfinexPairs,
    "coinbase": CoinbasePairs,
}
OTHER_VENUES = tuple(_PROTOCOLS)


def open_other_venue(name: str, options: MarketOptions) -> SimulatedVenue:
    """Return a venue with synthetic markets; ValueError if a symbol is wrong."""
    return _PROTOCOLS[name](options)


def check_symbols(name: str, symbols: tuple[str, ...]) -> None:
    """Raise ValueError if a venue can have no pair of one of these names."""
    _PAIRS[name]().profiles(symbols)
