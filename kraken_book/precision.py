"""Prices and quantities as integers of their smallest unit: ticks and lots.

A price of 63381.0 at precision 1 is 633810 ticks. Kraken's checksum is defined on these integers,
and binary floats lose digits (0 of 2,052 recorded checksums verify from them): none is made here.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import NamedTuple

# Kraken's largest books stay below 30 digits; the bound keeps a hostile number such as 1e999999
# from being written out.
MAX_TEXT = 40


class Precision(NamedTuple):
    """How many decimals a symbol's prices and quantities have."""

    price: int
    qty: int


def to_units(text: str, precision: int) -> int:
    """The exact number of units of 10**-precision that `text` says.

    Takes plain decimals and exponents (`1e-08`). Raises ValueError where the text is no
    non-negative number, is longer than any real one, or has more decimals than fit.
    """
    head, _, decimals = text.partition(".")
    if len(decimals) == precision and len(text) <= MAX_TEXT:
        digits = head + decimals
        if digits.isdigit() and digits.isascii():
            return int(digits)
    return _to_units_by_decimal(text, precision)


def _to_units_by_decimal(text: str, precision: int) -> int:
    try:
        number = Decimal(text) if len(text) <= MAX_TEXT else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number.is_signed():
        raise ValueError(f"{text[:MAX_TEXT]!r} is no price or quantity")
    _, digits, exponent = number.as_tuple()
    shift = int(exponent) + precision
    units = int("".join(map(str, digits)))
    if shift > MAX_TEXT:
        raise ValueError(f"{text!r} is larger than any price or quantity")
    if shift >= 0:
        return units * int(10**shift)
    # A shift past every digit leaves no whole unit, and its power need not be computed.
    units, rest = divmod(units, int(10 ** min(-shift, MAX_TEXT + 1)))
    if rest:
        raise ValueError(f"{text!r} has more than {precision} decimals")
    return units


def to_text(units: int, precision: int) -> str:
    """`units` of 10**-precision with exactly `precision` decimals: 633810 at 1 is 63381.0."""
    if not precision:
        return str(units)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(precision + 1, "0")
    return f"{sign}{digits[:-precision]}.{digits[-precision:]}"
