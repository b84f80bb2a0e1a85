"""Bitfinex's public REST: the lists of pairs, and the book of one."""

from __future__ import annotations

from typing import Any

from simulator.market.exchange import Exchange
from simulator.protocols.bitfinex.numbers import javascript_text
from simulator.protocols.bitfinex.pairs import BitfinexPairs
from simulator.protocols.bitfinex.rounded_book import RoundedBook
from simulator.protocols.rest import RestAnswer, RestCall, json_answer

_BOOK_PATH = "/v2/book/"
_LENGTHS = (1, 25, 100, 250)
_INVALID = 10020
_MAINTENANCE = 20060


def answer_public_request(
    call: RestCall, exchange: Exchange[Any], pairs: BitfinexPairs, *, in_maintenance: bool
) -> RestAnswer | None:
    """Return the answer to a public REST request, or None if there is no such path."""
    if call.path == "/v2/platform/status":
        return json_answer([0 if in_maintenance else 1])
    if not call.path.startswith(("/v2/conf/", _BOOK_PATH)):
        return None
    if in_maintenance:
        return json_answer(["error", _MAINTENANCE, "maintenance"], 503)
    if call.path.startswith("/v2/conf/"):
        return _configuration(call.path.removeprefix("/v2/conf/"), exchange, pairs)
    return _book(call, exchange, pairs)


def _configuration(names: str, exchange: Exchange[Any], pairs: BitfinexPairs) -> RestAnswer:
    listed = sorted(exchange.instruments(), key=lambda each: pairs.name_of(each.symbol))
    known = {
        "pub:list:pair:exchange": [pairs.name_of(each.symbol) for each in listed],
        "pub:info:pair": [
            [
                pairs.name_of(each.symbol),
                [
                    *(None, None, None),
                    javascript_text(each.qty_min, each.qty_precision),
                    "1000000.0",
                    *(None, None, None, 0.2, 0.1, None, None),
                ],
            ]
            for each in listed
        ],
    }
    return json_answer([known.get(name, []) for name in names.split(",")])


def _book(call: RestCall, exchange: Exchange[Any], pairs: BitfinexPairs) -> RestAnswer:
    name, _, precision = call.path.removeprefix(_BOOK_PATH).partition("/")
    symbol = pairs.parsed(name)
    length = call.integer("len", 25)
    if name != f"t{pairs.name_of(symbol)}" or not exchange.lists(symbol):
        return _bad("symbol: invalid")
    if precision != "P0":
        return _bad("precision: invalid")
    if length not in _LENGTHS:
        return _bad("len: invalid")
    listing = exchange.listing(symbol)
    levels = RoundedBook.of(listing.market, length).levels()
    text = ",".join(level.text(listing.instrument) for level in levels)
    return RestAnswer(200, f"[{text}]".encode())


def _bad(text: str) -> RestAnswer:
    # Bitfinex answers a wrong request with the status of its own faults.
    return json_answer(["error", _INVALID, text], 500)
