"""The frames of the `instrument` channel, which describe pairs and their assets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from simulator.market.instrument import SimulatedInstrument


def instrument_frame(
    instruments: Iterable[SimulatedInstrument], kind: Literal["snapshot", "update"] = "snapshot"
) -> str:
    """Return a frame of the instrument channel; its numbers may have exponents, unlike `book`."""
    listed = list(instruments)
    names = dict.fromkeys(name for item in listed for name in (item.base, item.quote))
    assets = ",".join(map(_asset_text, names))
    pairs = ",".join(map(_pair_text, listed))
    return (
        f'{{"channel":"instrument","type":"{kind}",'
        f'"data":{{"assets":[{assets}],"pairs":[{pairs}]}}}}'
    )


def number_text(units: int, precision: int) -> str:
    """Return a number of 10**-precision units in its shortest form, such as 0.1 or 1e-08."""
    return repr(units / 10**precision)


def _asset_text(name: str) -> str:
    return (
        f'{{"id":"{name}","status":"enabled","precision":10,"precision_display":5,'
        '"borrowable":true,"collateral_value":1.0,"margin_rate":0.02}'
    )


def _pair_text(item: SimulatedInstrument) -> str:
    tick = number_text(1, item.price_precision)
    return (
        f'{{"symbol":"{item.symbol}","base":"{item.base}","quote":"{item.quote}",'
        f'"status":"{item.status}","qty_precision":{item.qty_precision},'
        f'"qty_increment":{number_text(1, item.qty_precision)},'
        f'"price_precision":{item.price_precision},"cost_precision":5,"cost_min":0.5,'
        f'"tick_size":{tick},"price_increment":{tick},'
        f'"qty_min":{number_text(item.qty_min, item.qty_precision)}}}'
    )
