"""Coinbase's public REST: the products, and the book of one, which has no sequence."""

from __future__ import annotations

import time
from typing import Any

from simulator.market.exchange import Exchange
from simulator.market.instrument import Level, SimulatedInstrument
from simulator.market.listing import Listing
from simulator.protocols.coinbase.frames import number_text
from simulator.protocols.coinbase.pairs import CoinbasePairs
from simulator.protocols.rest import RestAnswer, RestCall, json_answer
from simulator.wire import short_time_text

_MARKET = "/api/v3/brokerage/market"
_BOOK_LEVELS = 500


def answer_market_request(
    request: RestCall, exchange: Exchange[Any], pairs: CoinbasePairs
) -> RestAnswer | None:
    """Return the answer to a public REST request, or None if there is no such path."""
    if request.path == f"{_MARKET}/products":
        return _products(request, exchange, pairs)
    if request.path == f"{_MARKET}/product_book":
        return _book(request, exchange, pairs)
    if request.path.startswith(f"{_MARKET}/products/"):
        name = request.path.rpartition("/")[2]
        found = [each for each in _all_products(exchange, pairs) if each["product_id"] == name]
        return json_answer(found[0]) if found else _not_found()
    return None


def _products(request: RestCall, exchange: Exchange[Any], pairs: CoinbasePairs) -> RestAnswer:
    limit, offset = request.integer("limit", 0), request.integer("offset", 0)
    if limit is None or offset is None:
        return _bad("limit and offset must be integers")
    products = _all_products(exchange, pairs)
    page = products[offset : offset + limit] if limit else products[offset:]
    return json_answer({"products": page, "num_products": len(page)})


def _book(request: RestCall, exchange: Exchange[Any], pairs: CoinbasePairs) -> RestAnswer:
    limit = request.integer("limit", _BOOK_LEVELS)
    if limit is None or limit < 0:
        return _bad("limit must be an integer")
    name = request.query.get("product_id", "")
    try:
        listing = exchange.listing(pairs.parsed(name))
    except KeyError:
        return _not_found()
    return json_answer(
        {
            "pricebook": {
                "product_id": name,
                "bids": _levels(listing.instrument, listing.market.bids.top(limit)),
                "asks": _levels(listing.instrument, listing.market.asks.top(limit)),
                "time": short_time_text(time.time_ns() // 1000 * 1000),
            }
        }
    )


def _levels(instrument: SimulatedInstrument, levels: list[Level]) -> list[dict[str, str]]:
    return [
        {
            "price": number_text(price, instrument.price_precision),
            "size": number_text(lots, instrument.qty_precision),
        }
        for price, lots in levels
    ]


def _all_products(exchange: Exchange[Any], pairs: CoinbasePairs) -> list[dict[str, Any]]:
    """Return the products, each before its alias."""
    products = []
    for listing in exchange.listings():
        alias = pairs.alias_of(listing.instrument.symbol)
        name = pairs.name_of(listing.instrument.symbol)
        products.append(_product(listing, name, "", [alias] if alias else []))
        if alias:
            products.append(_product(listing, alias, name, []))
    return products


def _product(
    listing: Listing[Any], product_id: str, alias: str, alias_to: list[str]
) -> dict[str, Any]:
    instrument = listing.instrument
    base, quote = product_id.rsplit("-", 1)
    status = instrument.status
    is_delisted = status == "delisted"
    is_halted = is_delisted or status in {"maintenance", "work_in_progress"}
    increment = number_text(1, instrument.price_precision)
    prices = listing.market.asks.top(1)
    return {
        "product_id": product_id,
        "price": number_text(prices[0][0], instrument.price_precision) if prices else "",
        "base_increment": number_text(1, instrument.qty_precision),
        "quote_increment": increment,
        "quote_min_size": "1",
        "base_min_size": number_text(instrument.qty_min, instrument.qty_precision),
        "base_name": base,
        "quote_name": quote,
        "is_disabled": is_delisted,
        "new": False,
        "status": "delisted" if is_delisted else "online",
        "cancel_only": status in {"cancel_only", "reduce_only"},
        "limit_only": status == "limit_only",
        "post_only": status == "post_only",
        "trading_disabled": is_halted,
        "auction_mode": status == "auction_mode",
        "product_type": "SPOT",
        "quote_currency_id": quote,
        "base_currency_id": base,
        "alias": alias,
        "alias_to": alias_to,
        "base_display_symbol": base,
        "quote_display_symbol": "USD" if quote == "USDC" else quote,
        "view_only": status == "view_only",
        "price_increment": increment,
        "display_name": product_id,
        "product_venue": "CBE",
    }


def _not_found() -> RestAnswer:
    text = "valid product_id is required"
    return json_answer({"error": "NOT_FOUND", "error_details": text, "message": text}, 404)


def _bad(text: str) -> RestAnswer:
    return json_answer({"error": "INVALID_ARGUMENT", "error_details": text, "message": text}, 400)
