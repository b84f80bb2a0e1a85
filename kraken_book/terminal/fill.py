"""What a market order would pay or receive at the levels of a book, without fees, exactly.

The charts of the page compute the same in `order.js`, with the same rounding.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from kraken_book.level import Level
from kraken_book.precision import MAX_TEXT, Precision, to_text

Side = Literal["buy", "sell"]
# Quotients of prices have this many decimals more than the book's prices.
MORE_DECIMALS = 2
POINT_DECIMALS = 2
# The first quantity is that of so many levels, so that it takes some.
FIRST_LEVELS = 3

_AMOUNT = re.compile(r"\d*\.?\d*", re.ASCII)


class Fill(NamedTuple):
    """The result of a market order."""

    average: str
    """The average price, rounded half to even to two decimals more than prices have."""
    slippage: str
    """The distance of the average from the mid, rounded likewise; above zero if it costs."""
    points: str
    """The slippage in basis points of the mid, with two decimals."""
    total: str
    """What is paid or received."""
    filled: str
    unfilled: str
    """The rest of the quantity, for which the window has no levels."""
    levels: int
    """The number of levels that the order takes."""
    is_filled: bool


def parse_amount(text: str) -> str | None:
    """Return a typed quantity as a plain decimal above zero, None if it is none."""
    if len(text) > MAX_TEXT or not _AMOUNT.fullmatch(text) or not text.strip("0."):
        return None
    whole, _, decimals = text.partition(".")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{decimals}" if decimals else whole


def fill_order(
    side: Side, amount: str, bids: Sequence[Level], asks: Sequence[Level], precision: Precision
) -> Fill | None:
    """Return the result of a market order, None if a side of the book is empty.

    Args:
        side: `buy` takes asks, `sell` takes bids.
        amount: The quantity, as from `parse_amount`.
        bids: The bids, best first.
        asks: The asks, best first.
        precision: The decimals of the book.
    """
    if not bids or not asks:
        return None
    wanted_decimals = len(amount.partition(".")[2])
    decimals = max(precision.qty, wanted_decimals)
    wanted = int(amount.replace(".", "")) * 10 ** (decimals - wanted_decimals)
    scale = 10 ** (decimals - precision.qty)
    left, cost, levels = wanted, 0, 0
    for level in asks if side == "buy" else bids:
        if not left:
            break
        part = min(left, level.lots * scale)
        left, cost, levels = left - part, cost + part * level.ticks, levels + 1
    filled = wanted - left
    average, mid = Fraction(cost, filled), Fraction(bids[0].ticks + asks[0].ticks, 2)
    slippage = average - mid if side == "buy" else mid - average
    finer = precision.price + MORE_DECIMALS
    return Fill(
        average=_rounded(average, precision.price, finer),
        slippage=_rounded(slippage, precision.price, finer),
        points=_rounded(slippage * 10_000 / mid, 0, POINT_DECIMALS),
        total=to_text(cost, precision.price + decimals),
        filled=to_text(filled, decimals),
        unfilled=to_text(left, decimals),
        levels=levels,
        is_filled=not left,
    )


def suggested_amount(asks: Sequence[Level]) -> str:
    """Return the quantity of the first levels with two significant digits; empty without levels."""
    whole = sum((Decimal(level.qty) for level in asks[:FIRST_LEVELS]), Decimal(0))
    return f"{Context(prec=2).plus(whole).normalize():f}" if whole else ""


def _rounded(value: Fraction, decimals: int, finer: int) -> str:
    """Return units of `decimals` as a text with `finer` decimals, rounded half to even."""
    return to_text(round(value * 10 ** (finer - decimals)), finer)
