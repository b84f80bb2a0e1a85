"""The products of Coinbase."""

from __future__ import annotations

from simulator.protocols.pairs import ListedPair, ListedPairs

_ALIASED_QUOTES = {"USDC": "USD"}
"""The products of these quotes have the books of the others."""
_ALIASES = ("BTC/USDC", "ETH/USDC", "SOL/USDC")


class CoinbasePairs(ListedPairs):
    """The products, which Coinbase writes as BTC-USD."""

    venue = "coinbase"
    listed = (
        ListedPair("BTC/USD", "BTC/USD", 2, 8),
        ListedPair("ETH/USD", "ETH/USD", 2, 8),
        ListedPair("SOL/USD", "SOL/USD", 2, 8),
        ListedPair("XRP/USD", "XRP/USD", 4, 6),
        ListedPair("DOGE/USD", "DOGE/USD", 5, 1),
        ListedPair("ADA/USD", "ADA/USD", 4, 8),
        ListedPair("LTC/USD", "LTC/USD", 2, 8),
        ListedPair("LINK/USD", "LINK/USD", 3, 2),
        ListedPair("DOT/USD", "DOT/USD", 3, 8),
        ListedPair("AVAX/USD", "AVAX/USD", 2, 8),
        ListedPair("SHIB/USD", "SHIB/USD", 8, 0),
        ListedPair("PEPE/USD", "PEPE/USD", 8, 0),
        ListedPair("USDT/USD", "USDT/USD", 5, 2),
        ListedPair("BTC/EUR", "BTC/EUR", 2, 8),
        ListedPair("ETH/EUR", "ETH/EUR", 2, 8),
        ListedPair("ETH/BTC", "ETH/BTC", 5, 8),
        ListedPair("BTC/USDT", "BTC/USD", 2, 8),
        ListedPair("MINA/USD", "MINA/GBP", 4, 3),
    )

    def parsed(self, name: str) -> str:
        """Return the pair for a product id; that of the real book for an alias."""
        base, dash, quote = name.rpartition("-")
        if not dash:
            return name
        symbol = f"{base}/{quote}"
        return f"{base}/{_ALIASED_QUOTES[quote]}" if symbol in _ALIASES else symbol

    def name_of(self, symbol: str) -> str:
        """Return the product id of a pair."""
        return symbol.replace("/", "-")

    def alias_of(self, symbol: str) -> str | None:
        """Return the product id of another name of the pair, or None if it has none."""
        base, _, quote = symbol.partition("/")
        alias = next((each for each in _ALIASES if each == f"{base}/USDC"), None)
        return self.name_of(alias) if alias is not None and quote == "USD" else None
