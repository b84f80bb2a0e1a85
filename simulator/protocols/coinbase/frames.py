"""The text of Coinbase's frames, with its keys in its order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from simulator.market.instrument import Level, SimulatedInstrument
from simulator.wire import decimal_text, short_time_text


def number_text(units: int, precision: int) -> str:
    """Return units of 10**-precision as a decimal without padding, such as 78854.1."""
    text = decimal_text(units, precision)
    return text.rstrip("0").rstrip(".") if precision else text


def numbered(channel: str, sequence: int, events: str) -> str:
    """Return a frame with its number; `events` is the text of the list's content."""
    return (
        f'{{"channel":"{channel}","timestamp":"{short_time_text(time.time_ns())}",'
        f'"sequence_num":{sequence},"events":[{events}]}}'
    )


def book_event(
    kind: Literal["snapshot", "update"],
    product_id: str,
    instrument: SimulatedInstrument,
    bids: Iterable[Level],
    asks: Iterable[Level],
) -> str:
    """Return an event of the level2 channel."""
    # The levels of an event have a common time, in microseconds.
    event_time = short_time_text(time.time_ns() // 1000 * 1000)
    updates = [_update("bid", event_time, level, instrument) for level in bids]
    updates += [_update("offer", event_time, level, instrument) for level in asks]
    return f'{{"type":"{kind}","product_id":"{product_id}","updates":[{",".join(updates)}]}}'


def with_extra_decimal(event: str) -> str:
    """Return an event whose first price has more decimals than the increment."""
    start = event.index('"price_level":"') + len('"price_level":"')
    end = event.index('"', start)
    price = event[start:end]
    decimals = "0000000005" if "." in price else ".0000000005"
    return f"{event[:end]}{decimals}{event[end:]}"


def heartbeat_event(counter: int) -> str:
    """Return the event of the heartbeats channel."""
    now = time.time_ns()
    second = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now // 10**9))
    return (
        f'{{"current_time":"{second}.{now % 10**9:09d} +0000 UTC","heartbeat_counter":{counter}}}'
    )


def subscriptions_event(subscriptions: Mapping[str, list[str]]) -> str:
    """Return the event that acknowledges all subscriptions of the connection."""
    return msgspec.json.encode({"subscriptions": subscriptions}).decode()


def error(message: str, reason: str | None = None) -> str:
    """Return an error, which has no number."""
    content = {"type": "error", "message": message}
    return msgspec.json.encode(content | ({"reason": reason} if reason else {})).decode()


def _update(side: str, event_time: str, level: Level, instrument: SimulatedInstrument) -> str:
    price, lots = level
    return (
        f'{{"side":"{side}","event_time":"{event_time}",'
        f'"price_level":"{number_text(price, instrument.price_precision)}",'
        f'"new_quantity":"{number_text(lots, instrument.qty_precision)}"}}'
    )
