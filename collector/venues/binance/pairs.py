"""Binance's REST answers: the list of pairs (`exchangeInfo`), and books (`depth`)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import msgspec

from collector.venues.sequenced.book.steps import precision_of_steps
from collector.venues.sequenced.protocol import RestSnapshot, VenuePair
from kraken_book.json_errors import JSON_ERRORS

NAME = "binance"
PAIRS_PATH = "/api/v3/exchangeInfo"
PAIRS_WEIGHT = 20
# Pairs that were delisted keep this status for ever.
_NOT_TRADED = "BREAK"


class _Filter(msgspec.Struct):
    filterType: str  # noqa: N815 - Binance's name
    tickSize: str = ""  # noqa: N815
    stepSize: str = ""  # noqa: N815


class _Symbol(msgspec.Struct):
    symbol: str
    status: str
    baseAsset: str  # noqa: N815
    quoteAsset: str  # noqa: N815
    filters: list[_Filter] = []
    isSpotTradingAllowed: bool = True  # noqa: N815


class _ExchangeInfo(msgspec.Struct):
    symbols: list[msgspec.Raw]


class _Depth(msgspec.Struct):
    lastUpdateId: int  # noqa: N815
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


_info = msgspec.json.Decoder(_ExchangeInfo)
_symbol = msgspec.json.Decoder(_Symbol)
_depth = msgspec.json.Decoder(_Depth)


def decode_pairs(body: bytes) -> list[VenuePair]:
    """Return the spot pairs in an answer; those of an unexpected form are left out.

    A ValueError is raised if it is no list of pairs.
    """
    return list(_pairs(_info.decode(body).symbols))


def depth_path(pair: str, limit: int) -> str:
    """Return the path of a snapshot."""
    return f"/api/v3/depth?{urlencode({'symbol': pair, 'limit': limit})}"


def decode_depth(body: bytes, limit: int) -> RestSnapshot:
    """Return the book in an answer; a ValueError is raised if it is none."""
    depth = _depth.decode(body)
    return RestSnapshot(depth.lastUpdateId, depth.bids, depth.asks, limit)


def _pairs(symbols: list[msgspec.Raw]) -> Iterator[VenuePair]:
    for raw in symbols:
        try:
            symbol = _symbol.decode(raw)
        except JSON_ERRORS:
            continue
        steps = {each.filterType: each for each in symbol.filters}
        no_filter = _Filter("")
        yield VenuePair(
            symbol=f"{symbol.baseAsset}/{symbol.quoteAsset}",
            name=symbol.symbol,
            precision=precision_of_steps(
                steps.get("PRICE_FILTER", no_filter).tickSize,
                steps.get("LOT_SIZE", no_filter).stepSize,
            ),
            status=symbol.status,
            is_traded=symbol.status != _NOT_TRADED and symbol.isSpotTradingAllowed,
            refusal=None if symbol.symbol.isascii() else "name is not ASCII",
        )
