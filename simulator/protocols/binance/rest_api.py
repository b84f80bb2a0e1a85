"""Binance's public REST: the list of symbols, and the snapshot of a book."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from simulator.market.exchange import Exchange
from simulator.market.instrument import SimulatedInstrument
from simulator.protocols.binance.frames import levels_text, number_text
from simulator.protocols.binance.listing import BinanceMarket, DepthBook
from simulator.protocols.binance.pairs import BinancePairs
from simulator.protocols.binance.weights import WeightMeter, WeightVerdict
from simulator.protocols.rest import RestAnswer, RestCall, json_answer

MAX_LEVELS = 5000
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (MAX_LEVELS, 250))
_LIST_WEIGHT = 20
_STATUS = {"online": "TRADING", "maintenance": "BREAK", "cancel_only": "HALT"}


class BinanceRest:
    """The REST requests of all clients, and their weight.

    Args:
        exchange: The markets.
        pairs: The symbols.
        weights: The limit of weight.

    """

    def __init__(self, exchange: Exchange[Any], pairs: BinancePairs, weights: WeightMeter) -> None:
        self._exchange = exchange
        self._pairs = pairs
        self._weights = weights
        self._stale: dict[str, DepthBook] = {}

    def freeze(self, symbol: str | None) -> None:
        """Keep the books as they are now, or only that of a symbol, for `answer`."""
        for listing in self._exchange.listings():
            if symbol in {None, listing.instrument.symbol}:
                assert isinstance(listing, BinanceMarket)
                self._stale[listing.instrument.symbol] = listing.book(MAX_LEVELS)

    def answer(self, call: RestCall, *, is_stale: Callable[[str], bool]) -> RestAnswer | None:
        """Return the answer to a request, or None if there is no such path.

        Args:
            call: The request.
            is_stale: Whether to serve a symbol's book as it was at `freeze`.

        """
        match call.path:
            case "/api/v3/ping":
                return self._weighed(1, lambda: json_answer({}))
            case "/api/v3/time":
                now = time.time_ns() // 10**6
                return self._weighed(1, lambda: json_answer({"serverTime": now}))
            case "/api/v3/exchangeInfo":
                return self._weighed(_LIST_WEIGHT, lambda: self._exchange_info(call))
            case "/api/v3/depth":
                limit = call.integer("limit", 100)
                if limit is None or limit < 1:
                    return _bad(-1100, "Illegal characters found in parameter 'limit'.")
                limit = min(limit, MAX_LEVELS)
                weight = next(weight for levels, weight in _DEPTH_WEIGHTS if limit <= levels)
                return self._weighed(weight, lambda: self._depth(call, limit, is_stale))
            case _:
                return None

    def _weighed(self, weight: int, serve: Callable[[], RestAnswer]) -> RestAnswer:
        verdict = self._weights.take(weight)
        used = {"X-MBX-USED-WEIGHT-1M": str(verdict.used), "X-MBX-USED-WEIGHT": str(verdict.used)}
        answer = serve() if verdict.status == 200 else self._refusal(verdict)
        return answer._replace(headers={**answer.headers, **used})

    def _refusal(self, verdict: WeightVerdict) -> RestAnswer:
        assert verdict.retry_after is not None
        until = round(self._weights.banned_until * 1000)
        text = (
            f"Too much request weight used; current limit is {self._weights.limit} request weight"
            " per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
            if verdict.status == 429
            else f"Way too much request weight used; IP banned until {until}."
        )
        return json_answer(
            {"code": -1003, "msg": text},
            verdict.status,
            {"Retry-After": str(max(1, round(verdict.retry_after)))},
        )

    def _depth(self, call: RestCall, limit: int, is_stale: Callable[[str], bool]) -> RestAnswer:
        symbol = self._pairs.parsed(call.query.get("symbol", ""))
        if not self._exchange.lists(symbol):
            return _bad(-1121, "Invalid symbol.")
        listing = self._exchange.listing(symbol)
        assert isinstance(listing, BinanceMarket)
        stale = self._stale.get(symbol) if is_stale(symbol) else None
        book = stale or listing.book(limit)
        bids = levels_text(book.bids[:limit], listing.instrument)
        asks = levels_text(book.asks[:limit], listing.instrument)
        text = f'{{"lastUpdateId":{book.last_id},"bids":{bids},"asks":{asks}}}'
        return RestAnswer(200, text.encode())

    def _exchange_info(self, call: RestCall) -> RestAnswer:
        names = self._asked_names(call)
        listed = {self._pairs.name_of(each.symbol): each for each in self._exchange.instruments()}
        if any(name not in listed for name in names):
            return _bad(-1121, "Invalid symbol.")
        return json_answer(
            {
                "timezone": "UTC",
                "serverTime": time.time_ns() // 10**6,
                "rateLimits": [
                    {
                        "rateLimitType": "REQUEST_WEIGHT",
                        "interval": "MINUTE",
                        "intervalNum": 1,
                        "limit": self._weights.limit,
                    }
                ],
                "exchangeFilters": [],
                "symbols": [_symbol(name, listed[name]) for name in names or listed],
            }
        )

    def _asked_names(self, call: RestCall) -> list[str]:
        if "symbol" in call.query:
            return [call.query["symbol"]]
        try:
            return msgspec.json.decode(call.query.get("symbols", "[]"), type=list[str])
        except msgspec.MsgspecError:
            return ["malformed"]


def _symbol(name: str, instrument: SimulatedInstrument) -> dict[str, Any]:
    return {
        "symbol": name,
        "status": _STATUS.get(instrument.status, "BREAK"),
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": list(_filters(instrument)),
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }


def _filters(instrument: SimulatedInstrument) -> Iterable[dict[str, str]]:
    tick = number_text(1, instrument.price_precision)
    step = number_text(1, instrument.qty_precision)
    yield {
        "filterType": "PRICE_FILTER",
        "minPrice": tick,
        "maxPrice": "1000000.00000000",
        "tickSize": tick,
    }
    yield {
        "filterType": "LOT_SIZE",
        "minQty": number_text(instrument.qty_min, instrument.qty_precision),
        "maxQty": "9000000.00000000",
        "stepSize": step,
    }


def _bad(code: int, text: str) -> RestAnswer:
    return json_answer({"code": code, "msg": text}, 400)
