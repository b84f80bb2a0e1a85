"""The pairs of Bitfinex."""

from __future__ import annotations

from simulator.protocols.pairs import ListedPair, ListedPairs

_SHORT = 3
"""The length of both codes of a pair whose name has no colon."""


class BitfinexPairs(ListedPairs):
    """The pairs, which Bitfinex writes as BTCUSD or AVAX:USD, and with a `t` before it in books.

    The markets have more decimals than the books, which have five significant digits. All numbers
    have at most 15 digits, as floats need.
    """

    venue = "bitfinex"
    listed = (
        ListedPair("BTC/USD", "BTC/USD", 1, 8),
        ListedPair("ETH/USD", "ETH/USD", 2, 8),
        ListedPair("SOL/USD", "SOL/USD", 2, 8),
        ListedPair("XRP/USD", "XRP/USD", 5, 8),
        ListedPair("LTC/USD", "LTC/USD", 2, 8),
        ListedPair("ADA/USD", "ADA/USD", 6, 8),
        ListedPair("DOT/USD", "DOT/USD", 4, 8),
        ListedPair("XMR/USD", "XMR/USD", 2, 8),
        ListedPair("TRX/USD", "TRX/USD", 6, 8),
        ListedPair("UST/USD", "USDT/USD", 5, 8),
        ListedPair("DOGE/USD", "DOGE/USD", 6, 8),
        ListedPair("LINK/USD", "LINK/USD", 4, 8),
        ListedPair("AVAX/USD", "AVAX/USD", 3, 8),
        ListedPair("SHIB/USD", "SHIB/USD", 9, 4),
        ListedPair("PEPE/USD", "PEPE/USD", 10, 3),
        ListedPair("BTC/UST", "BTC/USD", 1, 8),
        ListedPair("ETH/UST", "ETH/USD", 2, 8),
        ListedPair("BTC/EUR", "BTC/EUR", 1, 8),
        ListedPair("ETH/BTC", "ETH/BTC", 6, 8),
        ListedPair("BTC/JPY", "BTC/JPY", 0, 8),
        ListedPair("MIN/USD", "MINA/GBP", 4, 8),
        # Its prices are below 1e-6, which JavaScript writes with an exponent.
        ListedPair("SHIB/BTC", "SHIB/USD", 9, 4, shift=2),
        ListedPair("TESTBTC/TESTUSD", "BTC/USD", 1, 8),
    )

    def parsed(self, name: str) -> str:
        """Return the pair for BTCUSD, tBTCUSD or AVAX:USD; other text unchanged."""
        name = name.removeprefix("t")
        if ":" in name:
            return name.replace(":", "/")
        return f"{name[:_SHORT]}/{name[_SHORT:]}" if len(name) == 2 * _SHORT else name

    def name_of(self, symbol: str) -> str:
        """Return the name of a pair without the `t`."""
        base, _, quote = symbol.partition("/")
        is_short = len(base) == len(quote) == _SHORT
        return f"{base}{quote}" if is_short else f"{base}:{quote}"
