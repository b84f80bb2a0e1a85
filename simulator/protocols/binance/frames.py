"""The text of Binance's numbers, diffs and stream messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from simulator.market.instrument import Level, SimulatedInstrument
from simulator.wire import decimal_text

_DECIMALS = 8
"""The decimals of all numbers, whatever the tick."""


def number_text(units: int, precision: int) -> str:
    """Return units of 10**-precision as a decimal padded to eight decimals."""
    if precision > _DECIMALS:
        return decimal_text(units, precision)
    return decimal_text(units * 10 ** (_DECIMALS - precision), _DECIMALS)


def levels_text(levels: Iterable[Level], instrument: SimulatedInstrument) -> str:
    """Return levels as a JSON array of pairs of texts."""
    price_decimals, qty_decimals = instrument.price_precision, instrument.qty_precision
    pairs = (
        f'["{number_text(price, price_decimals)}","{number_text(lots, qty_decimals)}"]'
        for price, lots in levels
    )
    return f"[{','.join(pairs)}]"


def diff_text(name: str, time: int, first_id: int, last_id: int, bids: str, asks: str) -> str:
    """Return the payload of a diff.

    Args:
        name: The symbol of Binance.
        time: The time of the event, in the unit of the connection.
        first_id: The id of the first change since the last diff.
        last_id: The id of the last change.
        bids: The text of `levels_text`.
        asks: The same of the other side.

    """
    return (
        f'{{"e":"depthUpdate","E":{time},"s":"{name}","U":{first_id},"u":{last_id},'
        f'"b":{bids},"a":{asks}}}'
    )


def combined(stream: str, payload: str) -> str:
    """Return the message of a combined stream."""
    return f'{{"stream":"{stream}","data":{payload}}}'


def result(content: object, request_id: object) -> str:
    """Return the answer to a request."""
    return _text({"result": content, "id": request_id})


def error(code: int, text: str, request_id: object) -> str:
    """Return the refusal of a request."""
    return _text({"error": {"code": code, "msg": text}, "id": request_id})


def shutdown(time: int) -> str:
    """Return the announcement that the server will shut down."""
    return f'{{"e":"serverShutdown","E":{time}}}'


def _text(content: dict[str, Any]) -> str:
    return msgspec.json.encode(content).decode()
