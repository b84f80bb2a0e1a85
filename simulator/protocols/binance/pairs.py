"""The symbols of Binance."""

from __future__ import annotations

from simulator.protocols.pairs import ListedPair, ListedPairs

_QUOTES = ("FDUSD", "USDT", "USDC", "TRY", "BTC", "ETH", "BNB", "EUR", "JPY")
"""The quotes by which an unlisted name is split."""


class BinancePairs(ListedPairs):
    """The symbols, which Binance writes as BTCUSDT."""

    venue = "binance"
    listed = (
        ListedPair("BTC/USDT", "BTC/USD", 2, 5),
        ListedPair("ETH/USDT", "ETH/USD", 2, 4),
        ListedPair("SOL/USDT", "SOL/USD", 2, 3),
        ListedPair("XRP/USDT", "XRP/USD", 4, 1),
        ListedPair("DOGE/USDT", "DOGE/USD", 5, 0),
        ListedPair("ADA/USDT", "ADA/USD", 4, 1),
        ListedPair("LTC/USDT", "LTC/USD", 2, 3),
        ListedPair("LINK/USDT", "LINK/USD", 2, 2),
        ListedPair("DOT/USDT", "DOT/USD", 3, 2),
        ListedPair("AVAX/USDT", "AVAX/USD", 2, 2),
        ListedPair("SHIB/USDT", "SHIB/USD", 8, 0),
        ListedPair("PEPE/USDT", "PEPE/USD", 8, 0),
        ListedPair("TRX/USDT", "TRX/USD", 4, 1),
        ListedPair("EUR/USDT", "EUR/USD", 4, 1),
        ListedPair("BTC/FDUSD", "BTC/USD", 2, 5),
        ListedPair("BTC/USDC", "BTC/USD", 2, 5),
        ListedPair("ETH/BTC", "ETH/BTC", 5, 4),
        ListedPair("SOL/BTC", "SOL/BTC", 7, 3),
        ListedPair("BTC/EUR", "BTC/EUR", 2, 5),
        ListedPair("ETH/EUR", "ETH/EUR", 2, 4),
        ListedPair("BTC/JPY", "BTC/JPY", 0, 5),
        ListedPair("MINA/USDT", "MINA/GBP", 4, 1),
        # Binance has such names; this one means "Binance life".
        ListedPair("币安人生/USDT", "ADA/USD", 4, 1),
    )

    def __init__(self, levels: int | None = None) -> None:
        super().__init__(levels)
        self._symbols = {self.name_of(pair.symbol): pair.symbol for pair in self.listed}

    def parsed(self, name: str) -> str:
        """Return the pair for a symbol of Binance, also in lower case as in stream names."""
        name = name.upper()
        if name in self._symbols:
            return self._symbols[name]
        for quote in _QUOTES:
            base = name.removesuffix(quote)
            if base and base != name:
                return f"{base}/{quote}"
        return name

    def name_of(self, symbol: str) -> str:
        """Return the symbol of Binance for a pair."""
        return symbol.replace("/", "")

    def add(self, symbol: str) -> None:
        """Let a pair of unknown quote be found by its name."""
        self._symbols[self.name_of(symbol)] = symbol
