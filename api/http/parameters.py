"""Parse the parameters of requests into typed values.

?levels=5   ?view=top   ?interval=100ms   ?symbols=BTC/USD,ETH/USD   ?last_event_id=…
?side=buy&qty=1.5

Each parameter that a route takes is declared here, beside the function that parses it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from starlette.datastructures import QueryParams
from starlette.requests import Request

from api.access.caller import caller_of
from api.delivery.stream_start import StreamRequest
from api.http.declared import RouteParameter
from api.http.problems import BadParameter
from api.views.view import View
from kraken_book.access_keys import MAX_WILDCARDS
from kraken_book.errors import Unusable
from kraken_book.precision import MAX_TEXT
from kraken_book.quote import MAX_SHOWN, OrderSide, parse_order_side, parse_quantity
from kraken_book.selection import Selection, is_wildcard, parse_wildcards
from kraken_book.symbols import MAX_SYMBOL_LENGTH

MAX_LEVELS_DIGITS = 9
# Characters of a message about wildcards, which quotes one of them.
MAX_MESSAGE = 300
# More than Kraken lists.
MAX_NAMES = 2000
MIN_INTERVAL, MAX_INTERVAL = 0.01, 60.0

_INTERVAL = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s)", re.ASCII)
_EVENT_ID = re.compile(r"\d{1,15}-\d{1,18}", re.ASCII)
# From 10 ms to 60 s, for the specification; `parse_interval` calculates.
_INTERVALS = (
    r"([1-9][0-9]{1,3}|[1-5][0-9]{4})(\.[0-9]{1,3})?ms|60000(\.0{1,3})?ms",
    r"([1-9]|[1-5][0-9])(\.[0-9]{1,3})?s|60(\.0{1,3})?s",
    r"0\.(0[1-9][0-9]?|[1-9][0-9]{0,2})s",
)
_QUANTITY_PATTERN = r"^(?=[0-9.]*[1-9])([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})$"
_QUANTITY = re.compile(_QUANTITY_PATTERN, re.ASCII)
_WATERMARK = re.compile(r"\d{1,15}", re.ASCII)

SYMBOL = RouteParameter(
    "symbol",
    "A symbol in any spelling: `BTC%2FUSD`, `BTC/USD`, `btc-usd`, `BTCUSD`, `XBT/USD`; that of"
    " another venue than Kraken begins with its name: `binance:BTC/USDT`, `binance:btc-usdt`.",
    {"type": "string", "minLength": 1, "maxLength": MAX_SYMBOL_LENGTH},
    "BTC/USD",
    is_required=True,
    is_in_path=True,
)
PAIR = RouteParameter(
    "pair",
    "A pair in any spelling: `BTC%2FUSD`, `BTC/USD`, `btc-usd`, `BTCUSD`, `XBT/USD`. A symbol of"
    " any venue that has the pair is understood too: `binance:BTC/USDT` is `BTC/USDT`.",
    {"type": "string", "minLength": 1, "maxLength": MAX_SYMBOL_LENGTH},
    "BTC/USD",
    is_required=True,
    is_in_path=True,
)
LEVELS = RouteParameter(
    "levels",
    "The number of best levels of each side. More than the depth means all.",
    {"type": "string", "pattern": "^0*[1-9][0-9]*$"},
    "5",
)
VIEW = RouteParameter(
    "view",
    "`top` shows only the best bid and ask. It excludes `levels`.",
    {"type": "string", "enum": ["top"]},
    "top",
)
INTERVAL = RouteParameter(
    "interval",
    "At most one snapshot of a book in this time, from `10ms` to `60s`.",
    {"type": "string", "anyOf": [{"pattern": f"^({each})$"} for each in _INTERVALS]},
    "100ms",
)
BEST_INTERVAL = replace(
    INTERVAL,
    description="At most one event in this time, from `10ms` to `60s`; `100ms` by default.",
)
SYMBOLS = RouteParameter(
    "symbols",
    f"At most {MAX_NAMES} names separated by commas, or `*` alone for all books of all venues."
    f" Up to {MAX_WILDCARDS} of them may be wildcards (`*/USD` of Kraken, `binance:*`,"
    " `*:BTC/USD` of all venues) and exclusions (`!binance:*`). Several parameters are joined.",
    {"type": "string", "minLength": 1},
    "BTC/USD,ETH/USD",
    is_required=True,
    is_repeatable=True,
)
EVENT_ID = RouteParameter(
    "last_event_id",
    "Resume after the event with this id. The header `Last-Event-ID` has priority.",
    {"type": "string", "pattern": "^([0-9]{1,15}-[0-9]{1,18})?$"},
    "1785638131660-1042",
)
WATERMARK = RouteParameter(
    "last_event_id",
    "Resume after this id of a stream of many books, a watermark. The header `Last-Event-ID` has"
    " priority.",
    {"type": "string", "pattern": "^([0-9]{1,15})?$"},
    "1785638131660",
)
ORDER_SIDE = RouteParameter(
    "side",
    "`buy` takes asks, `sell` takes bids.",
    {"type": "string", "enum": ["buy", "sell"]},
    "buy",
    is_required=True,
)
QUANTITY = RouteParameter(
    "qty",
    f"The quantity in units of the base currency: a decimal above 0 with at most {MAX_TEXT} digits"
    f" and {MAX_TEXT} decimals.",
    {"type": "string", "maxLength": MAX_SHOWN, "pattern": _QUANTITY_PATTERN},
    "1.5",
    is_required=True,
)


def parse_stream_request(request: Request) -> StreamRequest:
    """Return the parameters of a request for a stream; raise BadParameter if one is invalid."""
    query = request.query_params
    levels, view, interval = (single(query, name) for name in ("levels", "view", "interval"))
    chosen = parse_view(levels, view, interval)
    named = request.path_params.get("symbol")
    names, wildcards = ((named,), None) if named is not None else _names(query)
    is_many = named is None
    event_id = _last_event_id(request, is_many=is_many)
    visible = caller_of(request.scope).symbols
    return StreamRequest(names, chosen, is_many, event_id, visible, wildcards=wildcards)


def parse_view(levels: str | None, view: str | None, interval: str | None) -> View | None:
    """Return the view that these parameters describe.

    Args:
        levels: The parameter `levels`, None if absent.
        view: The parameter `view`, None if absent.
        interval: The parameter `interval`, None if absent.

    Returns:
        The view, None if all are absent.

    Raises:
        BadParameter: A parameter is invalid, or `view` and `levels` are both given.
    """
    if levels is None and view is None and interval is None:
        return None
    if view is not None and view != "top":
        raise BadParameter("view", f"{view[:40]!r} is not a view; the only view is top")
    if view is not None and levels is not None:
        raise BadParameter("view", "view=top shows no levels: give levels or view, not both")
    wanted = 0 if view else parse_levels(levels)
    return View(wanted, parse_interval(interval) if interval is not None else 0.0)


def parse_levels(text: str | None) -> int | None:
    """Return the number of levels of each side, None for all; raise BadParameter if invalid."""
    if text is None:
        return None
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        raise BadParameter("levels", f"{text[:40]!r} is not a whole number above 0, such as 10")
    # A number with more digits exceeds the depth of every book.
    return int(digits) if len(digits) <= MAX_LEVELS_DIGITS else None


def parse_interval(text: str) -> float:
    """Return an interval in seconds.

    Args:
        text: A number with a unit, such as `100ms` or `1s`.

    Raises:
        BadParameter: The text is not a time from 10 ms to 60 s.
    """
    match = _INTERVAL.fullmatch(text)
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else 0.0
    if not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        raise BadParameter(
            "interval", f"{text[:40]!r} is not a time from 10ms to 60s, such as 100ms or 1s"
        )
    return seconds


def parse_side(query: QueryParams) -> OrderSide:
    """Return the parameter `side`; raise BadParameter if it is missing or invalid."""
    text = single(query, "side")
    if text is None:
        raise BadParameter("side", "missing; give side=buy or side=sell")
    try:
        return parse_order_side(text)
    except Unusable as error:
        raise BadParameter("side", str(error)) from None


def parse_qty(query: QueryParams) -> Decimal:
    """Return the parameter `qty`; raise BadParameter if it is missing or invalid."""
    text = single(query, "qty")
    if text is None:
        raise BadParameter("qty", "missing; give a quantity of the base currency, such as qty=1.5")
    try:
        qty = parse_quantity(text)
    except Unusable as error:
        raise BadParameter("qty", str(error)) from None
    if not _QUANTITY.fullmatch(text):
        raise BadParameter("qty", f"{text!r} is no plain decimal such as 1.5")
    return qty


def single(query: QueryParams, name: str) -> str | None:
    """Return the value of a parameter, None if absent; raise BadParameter if it is repeated."""
    values = query.getlist(name)
    if len(values) > 1:
        raise BadParameter(name, f"given {len(values)} times; give it once")
    return values[0] if values else None


def _last_event_id(request: Request, *, is_many: bool) -> str | None:
    """Return the id to resume after, None for a new stream; raise BadParameter if invalid."""
    form, example = (
        (_WATERMARK, "a watermark in milliseconds, such as 1785638131660")
        if is_many
        else (_EVENT_ID, "an event's id, such as 1785638131660-1042")
    )
    for name, text in (
        ("Last-Event-ID", request.headers.get("Last-Event-ID")),
        ("last_event_id", single(request.query_params, "last_event_id")),
    ):
        if text:
            if not form.fullmatch(text):
                raise BadParameter(name, f"{text[:40]!r} is not {example}")
            return text
    return None


def _names(query: QueryParams) -> tuple[tuple[str, ...] | None, Selection | None]:
    """Return the names in all `symbols` parameters, and the wildcards.

    Returns:
        The names, None for `*`; and the wildcards and exclusions besides the names, if there are
        any.

    Raises:
        BadParameter: The parameter is missing, or has too many or invalid names.
    """
    given = ",".join(query.getlist("symbols"))
    parts = tuple(name.strip() for name in given.split(",") if name.strip())
    if not parts:
        raise BadParameter(
            "symbols", "missing; give symbols=BTC/USD,ETH/USD, or symbols=* for all books"
        )
    if len(parts) > MAX_NAMES:
        raise BadParameter("symbols", f"{len(parts)} names; give at most {MAX_NAMES}, or symbols=*")
    if set(parts) == {"*"}:
        return None, None
    names = tuple(part for part in parts if not is_wildcard(part))
    if "*" in parts and names:
        raise BadParameter("symbols", "symbols=* means all books: give * or names, not both")
    if len(names) == len(parts):
        return names, None
    return names, _wildcards([part for part in parts if is_wildcard(part)])


def _wildcards(parts: list[str]) -> Selection | None:
    if len(parts) > MAX_WILDCARDS:
        raise BadParameter("symbols", f"{len(parts)} wildcards; give at most {MAX_WILDCARDS}")
    try:
        return parse_wildcards(parts)
    except ValueError as error:
        raise BadParameter("symbols", str(error)[:MAX_MESSAGE]) from None
