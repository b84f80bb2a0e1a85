"""Exact conversion of price and quantity texts to integers of their smallest unit, and back.

A price of 63381.0 at precision 1 is 633810 ticks. Kraken's checksum is defined on these integers.
Nothing here uses binary floats, because they lose digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from kraken_book.field_help import with_field_help

__all__ = [
    "MAX_TEXT",
    "Precision",
    "at_precision",
    "plain_decimals",
    "plain_pattern",
    "to_text",
    "units_of",
]

# Numbers in Kraken's books have fewer than 30 digits. The limit rejects hostile numbers such as
# 1e999999 before they are expanded.
MAX_TEXT = 40

# A JSON number that is not negative. Decimal also accepts spaces, underscores and NaN.
_NUMBER = re.compile(r"\d+(\.\d+)?([eE][+-]?\d{1,9})?", re.ASCII)


@with_field_help
class Precision(NamedTuple):
    """The number of decimals of a symbol's prices and quantities.

    Attributes:
        price: The decimals of a price.
        qty: The decimals of a quantity.
    """

    price: int
    qty: int


def at_precision(text: str, precision: int) -> str:
    """Return `text` with exactly `precision` decimals.

    Plain decimals and exponents (`1e-08`) are accepted. ValueError is raised if the text is not a
    non-negative number, is longer than any real one, or has too many decimals.
    """
    # Kraken sends nearly all numbers with exactly their symbol's decimals.
    if plain_decimals(precision)(text):
        return text
    return to_text(_to_units_by_decimal(text, precision), precision)


def units_of(text: str) -> int:
    """Return the units of a text that has all its decimals: 63381.0 is 633810."""
    return int(text.replace(".", ""))


def plain_pattern(precision: int) -> str:
    """Return the regular expression that matches exactly the numbers that `to_text` writes."""
    integer = rf"(?:0|[1-9][0-9]{{0,{MAX_TEXT - precision - 2}}})"
    return rf"{integer}\.[0-9]{{{precision}}}" if precision else integer


@lru_cache(maxsize=MAX_TEXT)
def plain_decimals(precision: int) -> Callable[[str], re.Match[str] | None]:
    """Return a function that matches a whole text against `plain_pattern`."""
    return re.compile(plain_pattern(precision)).fullmatch


def _to_units_by_decimal(text: str, precision: int) -> int:
    if len(text) > MAX_TEXT or not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:MAX_TEXT]!r} is no price or quantity")
    _, digits, exponent = Decimal(text).as_tuple()
    shift = int(exponent) + precision
    units = int("".join(map(str, digits)))
    if shift > MAX_TEXT:
        raise ValueError(f"{text!r} is larger than any price or quantity")
    if shift >= 0:
        return units * int(10**shift)
    # A shift past every digit leaves no whole unit, so the power is limited to keep it small.
    units, rest = divmod(units, int(10 ** min(-shift, MAX_TEXT + 1)))
    if rest:
        raise ValueError(f"{text!r} has more than {precision} decimals")
    return units


def to_text(units: int, precision: int) -> str:
    """Return `units` as a text with exactly `precision` decimals.

    633810 at precision 1 is 63381.0.
    """
    if not precision:
        return str(units)
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(precision + 1, "0")
    return f"{sign}{digits[:-precision]}.{digits[-precision:]}"
